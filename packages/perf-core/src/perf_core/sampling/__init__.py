"""What processes use and hold while the load runs."""
