"""Key finding by correlation with key profiles."""
