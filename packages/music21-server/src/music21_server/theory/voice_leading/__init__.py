"""Motion between voices: parallels, crossings, leaps and where they occur."""
