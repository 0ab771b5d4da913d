"""Score store in Redis, shared by several servers."""
