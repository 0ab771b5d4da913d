"""Targets of the command line: installed adapters and TOML files."""
