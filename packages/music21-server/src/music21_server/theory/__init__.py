"""Music theory as pure functions over tables of notes."""
