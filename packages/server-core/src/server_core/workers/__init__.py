"""Several worker processes that serve one port."""
