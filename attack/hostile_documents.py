"""Hostile scores for a server that reads them: costly, damaged, with entities, bombs and paths."""

from __future__ import annotations

import base64
import functools
import io
import random
import zipfile
from typing import Any

from hostile_inputs import ANY, HostileInput, Kinds, RightAnswer, Target, status
from inputs_of_tests import hostile_documents
from messages import call

REFUSED = RightAnswer(frozenset({200}), is_refused=True)

_SCORE = """<?xml version="1.0"?>{doctype}<score-partwise version="4.0"><part-list>
<score-part id="P1"><part-name>{name}</part-name></score-part></part-list><part id="P1"><measure number="1">
<attributes><divisions>1</divisions></attributes>{notes}</measure></part></score-partwise>"""
_NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"


def costly_document(rng: random.Random, target: Target) -> HostileInput:
    """Draw a small document that a library would read for a minute; it is refused, or read quickly."""
    kind, content = rng.choice(list(hostile_documents().values()))
    source = base64.b64encode(content).decode() if kind == "midi" else content.decode("latin-1")
    return HostileInput((_import(target, source),), (status(200),))


def damaged_document(rng: random.Random, target: Target) -> HostileInput:
    """Draw a MusicXML document in which some bytes are changed, lost or doubled."""
    data = list(_SCORE.format(doctype="", name="damaged", notes=_NOTE * 8))
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(data))
        data[at : at + rng.randint(0, 30)] = rng.choice(
            [[], list("<note>"), list("</measure>"), ["\0"], list("9" * 400), data[at : at + 60]]
        )
    return HostileInput((_import(target, "".join(data)),), (ANY,))


def entities(rng: random.Random, target: Target) -> HostileInput:
    """Draw a document with entities that grow, or that name a file or an address."""
    laughs = "".join(
        f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' if number else '<!ENTITY e0 "ha">'
        for number in range(9)
    )
    doctype = rng.choice(
        [
            f"<!DOCTYPE score-partwise [{laughs}]>",
            '<!DOCTYPE score-partwise [<!ENTITY e8 SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE score-partwise [<!ENTITY e8 SYSTEM "http://127.0.0.1:1/">]>',
            '<!DOCTYPE score-partwise [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]>',
        ]
    )
    return HostileInput((_import(target, _SCORE.format(doctype=doctype, name="&e8;", notes=_NOTE)),), (ANY,))


@functools.cache
def _bomb(megabytes: int, members: int) -> str:
    packed = io.BytesIO()
    container = '<container><rootfiles><rootfile full-path="a.musicxml"/></rootfiles></container>'
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("a.musicxml", b"<a>" + b" " * (megabytes * 1_000_000))
        for number in range(members):
            archive.writestr(f"../../{number}.xml", "")
    return base64.b64encode(packed.getvalue()).decode()


def archive_bomb(rng: random.Random, target: Target) -> HostileInput:
    """Draw an archive that is far larger unpacked, or that has hundreds of members outside of it."""
    source = _bomb(*rng.choice([(20, 0), (60, 0), (1, 300)]))
    return HostileInput((_import(target, source),), (REFUSED,))


def foreign_path(rng: random.Random, target: Target) -> HostileInput:
    """Draw a path or an address in place of a document."""
    source = rng.choice(
        [
            *("/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/a.xml"),
            *("bach/../../../../etc/passwd", "\\\\server\\share", "/proc/self/environ", "a\0b", "~/.ssh/id"),
        ]
    )
    kind = rng.choice(["auto", "file", "corpus"])
    return HostileInput((_import(target, source, kind),), (REFUSED,))


def foreign_score(rng: random.Random, target: Target) -> HostileInput:
    """Draw a use of scores of others by name, or a list of all that one can see."""
    # Named like those of good clients, but without the text that no answer may hold.
    name = rng.choice(["perf-0123456789abcdef", "perf", "../x", "%", "*", "x" * 64])
    tool = rng.choice(["score_info", "export_score", "key_analysis", "delete_score", "list_scores"])
    arguments: dict[str, Any] = {} if tool == "list_scores" else {"score_id": name}
    if tool == "export_score":
        arguments["format"] = rng.choice(["musicxml", "midi", "text", "pdf"])
    right = ANY if tool == "list_scores" else REFUSED
    return HostileInput((call(tool, arguments, target.identity),), (right,))


def faulty_arguments(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call of any tool with arguments of wrong types and sizes."""
    tool = rng.choice(list(target.other_tools) or [target.tool])
    values: list[Any] = [None, True, -1, 2**70, 1.5, "", "x" * 5_000, [], [["x"]] * 50, {"a": {}}, "\0"]
    names = ["score_id", "format", "offset", "limit", "key", "first_measure", "parts", "query", "seed"]
    arguments = {name: rng.choice(values) for name in rng.sample(names, rng.randint(1, 4))}
    return HostileInput((call(tool, arguments, target.identity),), (ANY,))


def _import(target: Target, source: str, kind: str = "auto") -> bytes:
    arguments = {"source": source, "source_type": kind}
    return call("import_score", arguments, target.identity)


DOCUMENTS: Kinds = {
    "costly document": costly_document,
    "damaged document": damaged_document,
    "XML entities": entities,
    "archive bomb": archive_bomb,
    "path for a document": foreign_path,
    "score of another": foreign_score,
    "arguments of wrong types": faulty_arguments,
}
