"""Analyses behind the tools; each takes a score and returns one frozen dataclass."""
