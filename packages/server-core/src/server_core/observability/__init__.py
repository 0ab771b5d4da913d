"""Metrics, logs, traces and resource figures of the process."""
