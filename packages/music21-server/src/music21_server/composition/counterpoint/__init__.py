"""Composes a second voice against a cantus firmus in the five species."""
