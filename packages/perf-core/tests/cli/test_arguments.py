"""The command line before cyclopts reads it: what follows `--`, and what a word is."""

from __future__ import annotations

import pytest

from perf_core.cli import main
from perf_core.cli.arguments import advice_for_mistake, scenarios_and_servers, split
from perf_core.errors import ExitCode, UsageError


def test_everything_after_the_first_dashes_is_the_command() -> None:
    words = split(["run", "quick", "--vus", "2", "--", "npx", "-y", "server", "--", "--vus", "3"])
    assert words.own == ("run", "quick", "--vus", "2")
    assert words.command == ("npx", "-y", "server", "--", "--vus", "3")
    assert split(["run", "quick"]).command is None
    assert split(["run", "--"]).command == ()


def test_urls_and_files_are_servers_and_other_words_scenarios() -> None:
    words = ["load", "http://h:1/mcp", "stress", "servers/weather.toml", "large-scores"]
    assert scenarios_and_servers(words) == (
        ["load", "stress", "large-scores"],
        ["http://h:1/mcp", "servers/weather.toml"],
    )


@pytest.mark.parametrize(
    ("word", "message", "advice"),
    [
        ("localhost:8000/mcp", "expected a URL with its scheme", "Write http://localhost:8000/mcp."),
        ("./server.py", "expected names of scenarios, a URL or a TOML file", "run quick -- ./server"),
        ("npx", "expected names of scenarios, a URL or a TOML file", "follows --"),
        ("calculator@HEAD", "expected names of scenarios", "--target"),
        ("ftp://h", "expected names of scenarios", "--"),
    ],
)
def test_word_that_is_neither_is_refused_with_advice(word: str, message: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenarios_and_servers(["quick", word])
    assert message in caught.value.message
    assert repr(word) in caught.value.message
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (
            "run quick npx -y server",
            "The command that starts a server follows --: perf-core run quick -- npx -y server",
        ),
        ("check uvx server --verbose", "perf-core check -- uvx server --verbose"),
        ("run quick --colour red", "See perf-core --help."),
        # The value of an option is no command.
        ("run quick --target node --colour red", "See perf-core --help."),
    ],
)
def test_command_without_dashes_is_recognised(words: str, advice: str) -> None:
    assert advice in advice_for_mistake(words.split())


def test_command_without_dashes_is_explained(capsys) -> None:
    assert main(["run", "quick", "npx", "-y", "some-server"]) == ExitCode.USAGE
    assert "perf-core run quick -- npx -y some-server" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", [["targets"], ["schema"], ["report", "results"]])
def test_commands_without_a_server_take_nothing_after_dashes(command: list[str], capsys) -> None:
    assert main([*command, "--", "npx", "x"]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert "expected no -- here, got -- npx" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("command", ["run", "check", "init", "compare", "figures"])
def test_help_shows_where_the_command_stands(command: str, capsys) -> None:
    assert main([command, "--help"]) == ExitCode.PASS
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Usage: perf-core {command} " in printed
    assert "[-- COMMAND ARGS...]" in printed
    for option in ("--header", "--bearer-env", "--ca-file", "--insecure", "--revision", "--shared"):
        assert option in printed
    for option in ("--allow-writes", "--tool", "--oauth-client-id", "--oauth-secret-env"):
        assert option in printed


@pytest.mark.parametrize(
    "command", [["run", "quick"], ["check"], ["init"], ["figures"], ["compare", "http://127.0.0.1:9/mcp"]]
)
def test_empty_command_is_refused(command: list[str], capsys) -> None:
    assert main([*command, "--"]) == ExitCode.USAGE
    assert "expected a command after --, got none" in capsys.readouterr().err


PASSWORD = "open" + "sesame"


@pytest.mark.parametrize(
    "word", ["user:PW@127.0.0.1:9/mcp", "ftp://user:PW@h", "user:a:PW@b/PW@h:9", "http:/u:PW@h"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["run", "quick", "WORD"],
        ["run", "quick", "--target", "WORD"],
        ["run", "quick", "--server-url", "WORD", "--target", "calculator"],
        ["run", "quick", "WORD", "--no-such-option", "npx"],
        ["init", "WORD"],
        ["check", "WORD"],
        ["check", "--", "WORD"],
        ["check", "x", "WORD", "--", "npx"],
        ["figures", "quick", "WORD"],
        ["compare", "http://a:1", "WORD"],
        ["compare", "WORD", "http://a:1"],
        ["compare", "WORD", "--baseline", "x.json"],
    ],
)
def test_password_of_a_url_with_a_mistake_is_not_repeated(command: list[str], word: str, capsys) -> None:
    words = [word.replace("PW", PASSWORD) if each == "WORD" else each for each in command]
    assert main(words) != ExitCode.PASS
    printed = capsys.readouterr()
    assert PASSWORD not in printed.out + printed.err
    assert printed.err


@pytest.mark.parametrize(
    "words",
    [
        ["run", "quick", "npx", "x", "--api-key", PASSWORD],
        ["check", "--", f"python x.py --api-key {PASSWORD}"],
    ],
)
def test_advice_about_a_command_has_none_of_its_secrets(words: list[str], capsys) -> None:
    assert main(words) == ExitCode.USAGE
    printed = capsys.readouterr().err
    assert "***" in printed
    assert PASSWORD not in printed


@pytest.mark.parametrize("command", [["run", "quick"], ["check"], ["run", "quick", "--target"]])
def test_configuration_of_a_client_is_no_server_but_can_become_one(command: list[str], capsys) -> None:
    assert main([*command, "my/mcp.json"]) == ExitCode.USAGE
    assert "perf-core init --from my/mcp.json --output FILE.toml" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--duration", "--duration=5s", "--time-scale"])
def test_option_of_another_command_is_named_as_such(option: str, capsys) -> None:
    """And none that merely looks alike: --revision is what looks most like --duration."""
    words = ["compare", "http://h:1", "http://h:2", option, *([] if "=" in option else ["5s"])]
    assert main(words) == ExitCode.USAGE
    printed = " ".join(capsys.readouterr().err.split())
    assert (
        f"expected an option of perf-core compare, got {option.partition('=')[0]}, which run takes" in printed
    )
    assert "--pairs" in printed
    assert "--revision" not in printed


def test_misspelt_option_is_corrected(capsys) -> None:
    assert main(["compare", "http://h:1", "http://h:2", "--slicee", "5s"]) == ExitCode.USAGE
    assert "Did you mean --slice?" in " ".join(capsys.readouterr().err.split())
