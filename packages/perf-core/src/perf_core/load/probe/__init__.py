"""A probe beside the load: what k6 cannot see, since it reads each answer as a whole."""
