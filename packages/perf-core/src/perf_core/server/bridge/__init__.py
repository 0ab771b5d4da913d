"""The bridge: a process that serves streamable HTTP and speaks to servers on standard input and output.

k6 speaks HTTP only. ``python -m perf_core.server.bridge --ready-file FILE -- COMMAND …`` listens on a free
port of the loopback interface, starts ``COMMAND`` once for each session, and passes the messages on, one
line each.
Source: MCP specification, "stdio" and "Streamable HTTP" (revision 2025-11-25).

Modules, from the edge inwards: ``__main__`` (command line), ``http_connection`` (HTTP), ``service`` (which
server process a request is for), ``prepared`` (processes started before clients come), ``upstreams``,
``child`` (one process, ended with ``process_groups`` and ``guard``), ``legacy_sse`` and ``streamable_http``
(a server over HTTP instead of a process, with ``http_client``), ``channel`` (answers matched to requests),
``replies`` (to requests of a server), ``messages``, ``lines``, ``events`` and ``excerpts`` (pure). The lab's
side is in ``launching`` (command line of the bridge), ``pages`` (its counts) and ``cost`` (its cost per call,
with ``echo_child``).
"""
