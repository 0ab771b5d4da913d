"""Voice leading: moves, parallels, direct intervals, crossings and leaps."""
