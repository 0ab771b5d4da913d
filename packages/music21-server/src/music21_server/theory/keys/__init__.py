"""Keys found by correlation with key profiles."""
