"""The work of worker processes: jobs on bytes, the analyses by name, and pages of long answers."""
