"""The analyses that tools offer: each takes a score and returns one frozen dataclass."""
