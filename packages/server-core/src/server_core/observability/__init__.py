"""Metrics, logs, traces and what the operating system knows of the process."""
