"""A git revision of a server, checked out, installed and ready to start."""
