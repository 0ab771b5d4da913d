"""The server under measurement: its process, its handshake and its endpoints."""
