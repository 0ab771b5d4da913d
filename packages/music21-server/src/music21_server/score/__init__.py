"""The score itself: its note table, its entry in the store, its codec and its limits."""
