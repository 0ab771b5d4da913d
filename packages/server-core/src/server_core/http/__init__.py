"""The HTTP server: uvicorn, its sockets, and its protocol with a shortcut for plain calls."""
