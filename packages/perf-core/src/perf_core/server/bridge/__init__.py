"""The bridge: a process that serves streamable HTTP and speaks to servers on standard input and output.

k6 speaks HTTP only. ``python -m perf_core.server.bridge --ready-file FILE -- COMMAND …`` listens on a free
port of the loopback interface, starts ``COMMAND`` once for each session, and passes the messages on, one
line each.
Source: MCP specification, "stdio" and "Streamable HTTP" (revision 2025-11-25).

Modules, from the edge inwards: ``__main__`` (command line), ``http_connection`` (HTTP), ``service`` (which
server process a request is for), ``upstreams``, ``child`` (one process, ended with ``process_groups`` and
``guard``), ``legacy_sse`` (a server on the transport of 2024-11-05 instead of a process), ``channel``
(answers matched to requests), ``messages``, ``lines`` and ``events`` (pure). The lab's side is in
``launching`` (command line of the bridge), ``pages`` (its counts) and ``cost`` (its cost per call, with
``echo_child``).
"""
