"""The part of the ladder that runs in the app's own interpreter, where nothing of the lab need be installed.

It knows FastMCP from 2 on and the official SDK, and imports nothing of the lab. Its imports are relative,
since the lab starts it as a package of its own.
"""
