"""ASGI layers around the app, one per file."""
