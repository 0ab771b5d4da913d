"""The report of what sessions cost: in words, in tables and as a drawing."""
