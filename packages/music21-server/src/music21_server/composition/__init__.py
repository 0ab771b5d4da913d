"""Composition of new music: harmonisations, counterpoint, imitations of a style."""
