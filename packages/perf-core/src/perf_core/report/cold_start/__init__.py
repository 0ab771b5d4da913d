"""The report of ``coldstart.json``: steps of the start, files read from disk, imports."""
