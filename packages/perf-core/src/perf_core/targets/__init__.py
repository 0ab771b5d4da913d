"""From what people type after ``--target`` to a server and its scenarios."""
