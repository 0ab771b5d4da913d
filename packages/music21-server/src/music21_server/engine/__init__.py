"""What worker processes run: jobs on bytes, the analyses by name, and pages of long answers."""
