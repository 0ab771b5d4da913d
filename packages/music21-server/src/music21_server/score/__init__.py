"""The score: its note table, stored entry, binary codec and limits."""
