"""Starts of servers, timed from the start of the process to the first answers."""
