"""calculator-server behind nginx: starts nginx with a configuration, and becomes the server.

The server takes the place of this process, so that the measured processes are those two alone; nginx is a
child of the server, and the lab ends both. Not the other way round: nginx overwrites its environment with its
title, and it is the environment by which the lab knows a server's processes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream server {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""
"""Settings of nginx's manual for servers with event streams: no buffering, connections kept open."""


def main() -> None:
    """Start nginx, and become the server behind it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True, help="port of nginx on loopback")
    options = parser.parse_args()
    nginx = shutil.which("nginx")
    if nginx is None:
        sys.exit("expected nginx on PATH, got none; install it: apt-get install nginx-light")
    folder = Path(tempfile.mkdtemp(prefix="league-nginx-"))
    upstream = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, upstream=upstream, port=options.port), encoding="utf-8"
    )
    # Until the server listens, nginx answers 502, which the lab takes for a server that is not ready yet.
    subprocess.Popen([nginx, "-p", str(folder), "-e", "stderr", "-c", str(configuration)])
    command = [sys.executable, "-m", "calculator_server", "--port", str(upstream)]
    os.execv(command[0], command)  # noqa: S606 - no shell is needed


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
