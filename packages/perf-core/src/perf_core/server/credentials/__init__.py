"""Credentials, certificates and refusals: what clients present to a server, and how secrets stay hidden."""
