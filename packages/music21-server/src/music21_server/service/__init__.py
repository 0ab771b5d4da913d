"""The score service: imports scores and answers cached, deduplicated analyses."""
