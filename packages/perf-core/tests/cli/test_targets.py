"""The command `targets`."""

from __future__ import annotations

from perf_core.cli import main
from perf_core.errors import ExitCode


def test_targets_lists_adapters_and_scenarios(build, install, capsys) -> None:
    install(adder=build.adapter({"quick": build.scenario("quick")}), notes=build.adapter({}, "notes"))
    assert main(["targets"]) == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["adder", "quick", "notes"]
    assert "A question." in lines[1]


def test_targets_without_an_adapter_says_how_to_get_one(install, capsys) -> None:
    install()
    assert main(["targets"]) == ExitCode.PASS
    assert "Install a server with its extra [perf]" in capsys.readouterr().out
