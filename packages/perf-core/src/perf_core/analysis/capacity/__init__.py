"""Capacity: the highest arrival rate at which a server keeps its objectives, with an interval; pure
functions.

:mod:`.objectives` reads what must be kept, :mod:`.observation` counts what one step broke, :mod:`.posterior`
turns steps into an interval, :mod:`.search` chooses the next step, :mod:`.scaling` and :mod:`.limits` say how
throughput grew and what ended it. :mod:`.model` is the content of ``capacity.json``.
"""
