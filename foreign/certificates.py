"""Certificates of an authority of our own, for the server behind TLS."""

from __future__ import annotations

from pathlib import Path

import trustme


def write_certificates(folder: Path) -> None:
    """Write ``authority.pem``, and ``server.pem`` with ``server.key`` for this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Performance lab")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    chain = folder / "server.pem"
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(str(chain), append=number > 0)
