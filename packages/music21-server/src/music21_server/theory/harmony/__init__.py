"""Harmony over time: harmonies, functions, cadences, harmonic rhythm and local keys."""
