"""Music that is made: harmonisations, counterpoint, imitations of a style."""
