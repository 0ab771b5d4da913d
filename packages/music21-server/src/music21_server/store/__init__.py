"""Score stores: in memory or files for one machine, in Redis for several."""
