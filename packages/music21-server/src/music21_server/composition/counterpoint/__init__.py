"""A second voice against a cantus firmus in the five species, by rules that each have a name and a source."""
