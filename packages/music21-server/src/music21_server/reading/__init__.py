"""Readers: documents in all formats become scores of columns."""
