"""Ladders of sessions at a server, and its memory after each step."""
