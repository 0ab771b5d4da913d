"""Mistakes in single fields of a target file: named with their place, in words of TOML, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import CALL, COMMAND, FOREIGN, JOURNEY, MINIMAL, TARGET, URL, read, refusal

from perf_core.errors import UsageError
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.targets.file_model import (
    AnswersTable,
    CallTable,
    CompletionTable,
    DrawTable,
    ExpectTable,
    JourneyTable,
    StepTable,
    TargetFile,
    TargetTable,
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "http://h"\n' + CALL, "name: expected a value, got none"),
        ('name = ""\nurl = "http://h"\n' + CALL, 'name: expected a text that is not empty, got ""'),
        ('name = 5\nurl = "http://h"\n' + CALL, "name: expected a text, got 5"),
        (URL + 'adapter = "a"\n' + CALL, "calls: expected none beside adapter, which has its own, got"),
        (URL + 'adapter = "a"\n' + TARGET, "targets: expected none beside adapter, which has its own, got"),
        (URL + TARGET, "targets: expected calls or journeys beside them, got none"),
        (URL + "calls = []\n", "calls: expected at least one entry, got []"),
        (URL + "calls = 5\n", "calls: expected a list, such as [1, 2], got 5"),
        (URL + "[[calls]]\n", "calls[0]: expected exactly one of tool, resource, prompt, completion, got {}"),
        (URL + '[[calls]]\ntool = ""\n', 'calls[0].tool: expected a text that is not empty, got ""'),
        (
            URL + CALL + 'resource = "file:///a"\n',
            "calls[0]: expected exactly one of tool, resource, prompt, completion, got",
        ),
        (URL + CALL + "weight = 0\n", "calls[0].weight: expected a number above 0, got 0"),
        (URL + CALL + "weight = inf\n", "calls[0].weight: expected a number other than nan and inf"),
        (URL + CALL + 'weight = "3"\n', 'calls[0].weight: expected a number, got "3"'),
        (
            URL + CALL + "arguments = [1]\n",
            "calls[0].arguments: expected a table, such as { a = 1 }, got [1]",
        ),
        (
            URL + CALL + "arguments = { a = nan }\n",
            "calls[0].arguments.a: expected a number other than nan and inf, which JSON lacks, got nan",
        ),
        (
            URL + CALL + "arguments = { a = 2024-01-01 }\n",
            "calls[0].arguments.a: expected a value that JSON has, got 2024-01-01",
        ),
        (URL + CALL + "expect = {}\n", "calls[0].expect: expected exactly one of result, members, text,"),
        (URL + CALL + 'expect = { text = "a", error = true }\n', "calls[0].expect: expected exactly one of"),
        (URL + CALL + "expect = { error = false }\n", "calls[0].expect.error: expected true, got false"),
        (URL + CALL + 'expect = "x"\n', 'calls[0].expect: expected a table, such as { a = 1 }, got "x"'),
        (URL + CALL + 'expect = { rpc_error = "x" }\n', "calls[0].expect.rpc_error: expected the code of"),
        (URL + CALL + 'expect = { regex = "(?i)x" }\n', "calls[0].expect: the pattern '(?i)x' has (?i"),
        (URL + CALL + "expect = { paths = { a = 1 } }\n", "calls[0].expect: expected JSON pointers such as"),
        (URL + CALL + 'expect = { shape = "x" }\n', "calls[0].expect: expected one of string, number"),
        (
            URL + CALL + "argments = {}\n",
            "calls[0].argments: there is no such field here; did you mean 'arguments'?",
        ),
        (URL + CALL + "args = {}\n", "calls[0].args: there is no such field here; did you mean 'arguments'?"),
        (
            URL + CALL + 'expect = { path = "x" }\n',
            "calls[0].expect.path: there is no such field here; did you mean 'paths'?",
        ),
        (URL + "color = 1\n" + CALL, "color: there is no such field here"),
        (
            URL + "timeout = 1\n" + CALL,
            "timeout: there is no such field here; did you mean 'request_timeout_s'?",
        ),
        (URL + CALL + "save = {}\n", "calls[0].save: there is no such field here"),
        (
            'name = "s"\n' + CALL,
            "the file: expected a command that starts the server, or the url of a running one, got neither",
        ),
        (
            COMMAND + CALL,
            'command: expected {ready_file} in it, or {port} together with url, or transport = "stdio"',
        ),
        (
            'name = "s"\ncommand = ["x", "{port}"]\n' + CALL,
            "command: expected {ready_file} in it, or {port} together with url",
        ),
        (
            'name = "s"\nurl = "http://h:{port}"\n' + CALL,
            "url: expected {port} in the command or in env, too",
        ),
        (URL + 'transport = "stdio"\n' + CALL, "command: expected the command of a server with transport"),
        (URL + 'command = ["x"]\ntransport = "stdio"\n' + CALL, "url: expected none with transport"),
        (URL + 'transport = "sse"\n' + CALL, "transport: expected 'http' or 'stdio', got \"sse\""),
        (URL + "shared = true\n" + CALL, 'shared: expected transport = "stdio" beside it'),
        ('name = "s"\ncommand = []\n' + CALL, "command: expected at least one entry, got []"),
        (URL + "ready_timeout_s = 0\n" + CALL, "ready_timeout_s: expected a number above 0, got 0"),
        (URL + "env = { A = 1 }\n" + CALL, "env.A: expected a text"),
        (URL + CALL + "think_time = -1\n", "calls[0].think_time: expected seconds, { uniform = [1, 3] } or"),
        (
            URL + "think_time = { uniform = [3, 1] }\n" + CALL,
            "think_time: expected seconds, { uniform = [1, 3] } or",
        ),
        (URL + "think_time = true\n" + CALL, "think_time: expected seconds"),
        (
            URL + CALL + TARGET.replace("<", "<="),
            "targets[0].comparison: expected '<' or '>', got \"<=\"",
        ),
        (URL + CALL + TARGET.replace("= 1", '= "fast"'), 'targets[0].target: expected a number, got "fast"'),
        (URL + CALL + TARGET.replace('need = "n"\n', ""), "targets[0].need: expected a value, got none"),
        (
            URL + CALL + TARGET + "min_samples = 0\n",
            "targets[0].min_samples: expected a number from 1, got 0",
        ),
        (
            URL + CALL + TARGET + "min_samples = 1.5\n",
            "targets[0].min_samples: expected a whole number, got 1.5",
        ),
        (URL + JOURNEY, "journeys[0].steps: expected a value, got none"),
        (URL + JOURNEY + "steps = []\n", "journeys[0].steps: expected at least one entry, got []"),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\n[[journeys.steps]]\ntool = "b"\nexpect = {}\n',
            "journeys[0].steps[1].expect: expected exactly one of",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nparams = {}\n',
            "journeys[0].steps[0].params: there is no such field here; did you mean 'arguments'?",
        ),
        (URL + (JOURNEY + '[[journeys.steps]]\ntool = "a"\n') * 2, "journeys[1].name: expected another name"),
        (
            URL + JOURNEY.replace('"j"', '"a, b"') + '[[journeys.steps]]\ntool = "a"\n',
            "journeys[0].name: expected a name",
        ),
        (URL + '[[calls]]\ntool = "a{b"\n', "calls[0]: expected a name that can label figures"),
        (URL + CALL + 'name = "x"\n', "calls[0].name: expected none for a tool"),
        (
            URL + '[[calls]]\nresource = "a"\narguments = { a = 1 }\n',
            "calls[0].arguments: expected none for a resource",
        ),
        (
            URL + '[[calls]]\nprompt = "p"\narguments = { a = 1 }\n',
            "calls[0].arguments.a: expected a text for a prompt",
        ),
        (
            URL + '[[calls]]\nprompt = "p"\nexpect = { error = true }\n',
            "calls[0].expect: expected another kind",
        ),
        (
            URL + CALL + '[[calls]]\nprompt = "t"\n',
            "calls[1]: expected a name that no request of another kind has",
        ),
        (
            URL + '[[calls]]\ncompletion = { argument = "a" }\n',
            "calls[0].completion: expected either a prompt or a",
        ),
        (
            URL
            + JOURNEY
            + '[[journeys.steps]]\ntool = "a"\narguments = { id = "{id}" }\nsave = { id = "/a" }\n',
            "journeys[0].steps[0]: expected values that earlier steps save, got {id}",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nsave = { "a b" = "/a", c = "x" }\n',
            "journeys[0].steps[0].save: expected a name of letters, digits and _ other than 'unique', got",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nsave = { id = "/a" }\n' * 2,
            "journeys[0].steps[1].save: expected a name that no other value has, got 'id'",
        ),
        (
            URL + '[[calls]]\nresource = "note://{id}"\n',
            "calls[0].resource: expected {id} to be drawn or saved",
        ),
        (
            URL
            + CALL
            + 'arguments = { a = "{a}" }\nexpect = { regex = "{a}" }\ndraw.a = { range = [1, 2] }\n',
            "calls[0].expect.regex: expected a pattern without drawn or saved values",
        ),
        (
            URL + CALL + "draw.a = { range = [1, 2] }\n",
            'calls[0].draw.a: expected "{a}" where the value is to stand',
        ),
        (URL + CALL + "draw.a = {}\n", "calls[0].draw.a: expected exactly one of range, choice, lines"),
        (
            URL + CALL + "draw.a = { range = [2, 1] }\n",
            "calls[0].draw.a.range: expected the lowest and the highest",
        ),
        (
            URL + CALL + "draw.a = { choices = [1] }\n",
            "calls[0].draw.a.choices: there is no such field here; did you mean 'choice'?",
        ),
        (
            URL + CALL + "draw.a = { choice = [1, 2], weights = [1] }\n",
            "calls[0].draw.a: expected as many weights as choices",
        ),
        (
            URL + CALL + 'draw.a = { range = [1, 2], column = "x" }\n',
            "calls[0].draw.a: expected column and type beside lines only",
        ),
        (
            URL + CALL + 'arguments = { a = "{a}" }\ndraw.a = { lines = "none.csv" }\n',
            "calls[0].draw.a: expected a file that can be read, got",
        ),
        (
            URL + CALL + "[access]\nheader = {}\n",
            "access.header: there is no such field here; did you mean 'headers'?",
        ),
        (URL + CALL + "[access]\nheaders = { A = 5 }\n", "access.headers.A: expected a text"),
    ],
)
def test_mistake_is_named_with_its_place_in_words_of_toml(tmp_path: Path, text: str, problem: str) -> None:
    lines = refusal(tmp_path, text).splitlines()[1:]
    assert any(line.startswith(f"  {problem}") for line in lines), lines
    assert all(len(line) < 320 for line in lines)
    for line in lines:
        assert not FOREIGN.search(line), line


def test_a_secret_among_the_credentials_is_not_repeated(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + CALL + '[access]\nbearer_env = 5\nheaders = ["s3cret"]\n')
    assert "access.headers: expected a table" in message
    assert "s3cret" not in message


def test_missing_folder_of_the_command_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + 'cwd = "none"\n' + CALL)
    assert 'cwd: expected a folder, relative to the file, got "none"' in message


def test_long_values_are_shortened(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + CALL + f"env = 1\nweight = {[0] * 200}\n")
    assert all(len(line) < 200 for line in message.splitlines())
    assert "…" in message


TABLES = {
    "": (TargetFile, "{field} = {value}\n"),
    "calls[0]": (CallTable, URL + "[[calls]]\n{tool}{field} = {value}\n"),
    "calls[0].expect": (ExpectTable, URL + CALL + "expect = {{ {field} = {value} }}\n"),
    "calls[0].completion": (CompletionTable, URL + "[[calls]]\ncompletion = {{ {field} = {value} }}\n"),
    "calls[0].draw.a": (
        DrawTable,
        URL + CALL + 'arguments = {{ a = "{{a}}" }}\ndraw.a = {{ {field} = {value} }}\n',
    ),
    "journeys[0]": (JourneyTable, URL + "[[journeys]]\n{field} = {value}\n"),
    "journeys[0].steps[0]": (StepTable, URL + JOURNEY + "[[journeys.steps]]\n{tool}{field} = {value}\n"),
    "targets[0]": (TargetTable, URL + CALL + "[[targets]]\n{field} = {value}\n"),
    "answers": (AnswersTable, URL + CALL + "[answers]\n{field} = {value}\n"),
    "access": (AccessSettings, URL + CALL + "[access]\n{field} = {value}\n"),
}
"""A file for each table, with a field of this table and little else."""


@pytest.mark.parametrize("table", TABLES)
def test_no_value_of_any_field_gives_words_of_python(tmp_path: Path, table: str) -> None:
    model, text = TABLES[table]
    messages: list[str] = []
    for name, field in model.model_fields.items():
        for value in ("5", '"x"', "true", "[5]", "{ x = [nan] }", "2024-01-01"):
            tool = "" if name in ("tool", "resource", "prompt", "completion") else 'tool = "t"\n'
            try:
                read(tmp_path, text.format(field=field.alias or name, value=value, tool=tool))
            except UsageError as error:
                messages.append(error.message)
    assert len(messages) > len(model.model_fields)
    assert [each for each in messages if FOREIGN.search(each)] == []


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("members = {}", "members: expected at least one entry, got {}"),
        ("json = {}", "json: expected at least one entry, got {}"),
        ("paths = {}", "paths: expected at least one entry, got {}"),
        ('contains = ""', 'contains: expected a text that is not empty, got ""'),
        ('regex = ""', 'regex: expected a text that is not empty, got ""'),
    ],
)
def test_expectation_that_checks_nothing_is_refused(expect: str, problem: str, tmp_path: Path) -> None:
    assert f"calls[0].expect.{problem}" in refusal(tmp_path, f"{MINIMAL}expect = {{ {expect} }}\n")


@pytest.mark.parametrize("shape", ["{}", "[]"])
def test_shape_without_types_is_refused(shape: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{MINIMAL}expect = {{ shape = {shape} }}\n")
    assert "calls[0].expect: expected the type of at least one member for shape" in message


@pytest.mark.parametrize(
    "fields",
    [
        'url = "https://me:opensesame@h:{port}/mcp"',
        'url = "https://h:{port}/mcp?api_key=opensesame"',
        'url = ["https://me:opensesame@h/mcp"]',
        'url = "https://me:opensesame@h/mcp"\ntransport = "stdio"',
        'command = ["x", "--api-key", "opensesame"]',
        'command = ["x", "API_KEY=opensesame", 5]',
        'command = "x --api-key opensesame"',
        'command = ["x", "--api-key", ["opensesame"]]',
        'url = "http://h/mcp"\nenv = { A = ["opensesame"] }',
        'url = "http://h/mcp"\nenv = "A=opensesame"',
    ],
)
def test_mistake_is_shown_without_secrets(fields: str, tmp_path: Path) -> None:
    assert "opensesame" not in refusal(tmp_path, f'name = "s"\n{fields}\n[[calls]]\ntool = "t"\n')


def test_wrong_word_of_a_command_is_shown(tmp_path: Path) -> None:
    text = 'name = "s"\ncommand = ["x", "--port", 8000]\ntransport = "stdio"\n'
    assert "command[2]: expected a text, got 8000" in refusal(tmp_path, text)
