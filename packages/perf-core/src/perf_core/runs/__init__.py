"""Measuring one server, and comparing two: the steps with side effects."""
