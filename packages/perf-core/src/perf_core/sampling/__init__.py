"""Resource use of processes while the load runs."""
