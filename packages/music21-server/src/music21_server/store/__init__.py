"""Where imported scores are kept: in memory and files on one server, or in Redis for several."""
