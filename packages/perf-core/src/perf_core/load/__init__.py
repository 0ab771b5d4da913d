"""The load: its plan, and the k6 process that applies it."""
