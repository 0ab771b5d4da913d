"""Heavy work in processes that can be killed: what `music21_server.workers.pool` is made of."""
