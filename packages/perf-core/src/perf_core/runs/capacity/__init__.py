"""Measuring the capacity of a server: steps of k6 against one live server, and the result of all."""
