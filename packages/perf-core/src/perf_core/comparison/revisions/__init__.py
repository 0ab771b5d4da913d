"""Git revisions of a server: checked out, installed and started."""
