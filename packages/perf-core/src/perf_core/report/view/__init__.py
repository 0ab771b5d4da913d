"""Reports of results other than runs: a capacity, the memory of sessions, a cold start and so on.

Each kind of result describes its report as a :class:`.model.View`; the terminal, Markdown and the page show
every view alike.
"""
