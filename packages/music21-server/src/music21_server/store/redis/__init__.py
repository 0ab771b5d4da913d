"""Scores in Redis, shared by several servers."""
