"""Calls drawn from what a server lists, and how strictly their answers can be checked.

:func:`perf_core.targets.discovery.discover.discover` is the entry point. ``arguments`` draws, ``explore``
tries what was drawn, ``repeats`` asks again from other sessions, ``oracle`` decides what to expect
under load.
"""
