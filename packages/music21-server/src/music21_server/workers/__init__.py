"""Heavy work in processes that can be killed: what `music21_server.pool` is made of."""
