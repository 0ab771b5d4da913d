"""export_score and render_score, called by a client."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from music21_server.server import create_server
from music21_server.settings import Music21Settings

pytestmark = [pytest.mark.anyio, pytest.mark.process]

CHORALE = "bach/bwv66.6"
"""Ten measures, the first of which is a pick-up with the number 0, and four parts."""

SOME = {"first_measure": "2", "last_measure": "3", "parts": ["bass"]}

QUARTER_TONE = """<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Viola</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes><note><pitch><step>C</step>
<alter>0.5</alter><octave>4</octave></pitch><duration>4</duration><type>whole</type></note></measure></part>
</score-partwise>"""


async def imported(client: Client[Any], source: str = CHORALE) -> str:
    return str((await client.call_tool("import_score", {"source": source})).structured_content["score_id"])


async def exported(
    client: Client[Any], score: str, form: str, **excerpt: Any
) -> tuple[bytes, dict[str, Any]]:
    """Return the file, and its metadata."""
    result = await client.call_tool("export_score", {"score_id": score, "format": form, **excerpt})
    (content,) = result.content
    sent, metadata = content.resource, result.structured_content
    data = sent.text.encode() if hasattr(sent, "text") else base64.b64decode(sent.blob)
    assert str(sent.uri).startswith(f"music21://scores/{score}/export.")
    assert (metadata["format"], metadata["size_bytes"]) == (form, len(data))
    assert metadata["media_type"] == sent.mime_type
    return data, {**metadata, "suffix": str(sent.uri).rpartition(".")[2]}


async def notes_of(client: Client[Any], score: str, **excerpt: Any) -> list[list[str]]:
    """Return notes, rests and their lengths, by measure and part."""
    text = (await exported(client, score, "text", **excerpt))[0].decode()
    bars: dict[str, list[str]] = {}
    for number, words in re.findall(r"^m(\d+) \| (?!key:|time:|tempo:)[^:]+: (.+)$", text, re.MULTILINE):
        bars.setdefault(number, []).append(words)
    return list(bars.values())


async def test_exported_abc_imports_with_the_same_notes(client: Client[Any]) -> None:
    score = await imported(client)
    tune, metadata = await exported(client, score, "abc")
    assert (metadata["suffix"], metadata["media_type"], metadata["remarks"]) == ("abc", "text/vnd.abc", [])
    notes = await notes_of(client, score)
    assert [len(bar) for bar in notes] == [4] * 10
    assert notes[0] == ["C#5 e, B4 e", "E4 q", "A3 e, B3 e", "A3 e, G#3 e"]
    *bars, last = await notes_of(client, await imported(client, tune.decode()))
    # The last measure is shortened by the pick-up; in ABC it ends with a rest.
    assert [*bars, [voice.removesuffix(", r q") for voice in last]] == notes


async def test_exported_abc_of_an_excerpt_imports_with_its_notes(client: Client[Any]) -> None:
    score = await imported(client)
    tune, _ = await exported(client, score, "abc", **SOME)
    assert b'name="Bass"' in tune
    assert b"Soprano" not in tune
    notes = await notes_of(client, score, **SOME)
    assert len(notes) == 2
    again = await imported(client, tune.decode())
    assert await notes_of(client, again) == notes
    assert [[bar[3]] for bar in (await notes_of(client, score))[2:4]] == notes


async def test_lilypond_has_the_requested_staves_and_measures(client: Client[Any]) -> None:
    score = await imported(client)
    file, metadata = await exported(client, score, "lilypond")
    assert (metadata["suffix"], metadata["media_type"], metadata["remarks"]) == ("ly", "text/x-lilypond", [])
    text = file.decode()
    assert re.findall(r'instrumentName = "(\w+)"', text) == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [len(each.split("|")) - 1 for each in re.findall(r"notes\w = \{(.*?)\}", text, re.DOTALL)] == [
        10
    ] * 4
    assert "notesA = {\n  cis''8 b'8 |\n" in text
    few = (await exported(client, score, "lilypond", **SOME))[0].decode()
    assert re.findall(r'instrumentName = "(\w+)"', few) == ["Bass"]
    bars = re.findall(r"notesD = \{(.*?)\}", text, re.DOTALL)[0].split("\n")
    assert re.findall(r"notesA = \{(.*?)\}", few, re.DOTALL)[0].split("\n")[1:3] == bars[3:5]


async def test_a_pdf_has_the_requested_parts(client: Client[Any]) -> None:
    score = await imported(client)
    words = []
    for excerpt in ({}, SOME):
        content, metadata = await exported(client, score, "pdf", **excerpt)
        assert (metadata["suffix"], metadata["media_type"]) == ("pdf", "application/pdf")
        (page,) = pypdfium2.PdfDocument(content)
        words.append(page.get_textpage().get_text_range())
    assert ["Soprano" in each for each in words] == [True, False]
    assert all("Bass" in each for each in words)


async def test_exported_pictures_have_the_requested_parts_and_equal_the_rendered_ones(
    client: Client[Any],
) -> None:
    score = await imported(client)
    svg, metadata = await exported(client, score, "svg", **SOME)
    assert (metadata["suffix"], metadata["media_type"]) == ("svg", "image/svg+xml")
    assert b"Bass" in svg
    assert b"Soprano" not in svg
    assert svg.count(b'class="measure"') == 2
    png, metadata = await exported(client, score, "png", **SOME)
    assert (metadata["suffix"], metadata["media_type"]) == ("png", "image/png")
    for form, data in (("svg", svg), ("png", png)):
        drawn = await client.call_tool("render_score", {"score_id": score, "format": form, **SOME})
        assert base64.b64decode(drawn.content[0].data) == data
        assert drawn.content[0].mime_type == ("image/png" if form == "png" else "image/svg+xml")
        facts = drawn.structured_content
        assert (facts["first_measure"], facts["last_measure"], facts["format"]) == ("2", "3", form)
    assert struct.unpack(">II", png[16:24]) == (facts["width_px"], facts["height_px"])


async def test_remarks_say_what_a_format_could_not_hold(client: Client[Any]) -> None:
    score = await imported(client, QUARTER_TONE)
    for form in ("abc", "midi"):
        (remark,) = (await exported(client, score, form))[1]["remarks"]
        assert "Notes between semitones" in remark
    lilypond, metadata = await exported(client, score, "lilypond")
    assert metadata["remarks"] == []
    assert b"cih'1" in lilypond


FORMS = ("abc", "lilypond", "midi", "text", "pdf", "svg", "png")


@pytest.mark.parametrize(
    ("excerpt", "expected"),
    [
        ({"first_measure": "10"}, "from 0 to 9"),
        ({"last_measure": "@11"}, "@1 to @10"),
        ({"first_measure": "5", "last_measure": "3"}, "not to precede the first, got 5 to 3"),
        ({"parts": ["Oboe"]}, "The score has: 1 Soprano, 2 Alto, 3 Tenor, 4 Bass"),
        ({"parts": ["Sopran"]}, "Did you mean 'Soprano'"),
        ({"parts": ["1", "5"]}, "1 to 4"),
        ({"parts": []}, "at least one part"),
    ],
)
async def test_errors_for_invalid_excerpts_are_the_same_in_every_format(
    client: Client[Any], excerpt, expected
) -> None:
    score = await imported(client)
    calls = [("export_score", form) for form in FORMS] + [("render_score", form) for form in ("svg", "png")]
    for tool, form in calls:
        with pytest.raises(ToolError) as caught:
            await client.call_tool(tool, {"score_id": score, "format": form, **excerpt})
        assert expected in str(caught.value), form


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("export_score", {"format": "gif"}, ("lilypond", "svg", "pdf")),
        ("export_score", {}, ("format",)),
        ("export_score", {"format": "mxl", "parts": ["1"]}, ("exported whole", "extract_part")),
        ("export_score", {"format": "musicxml", "last_measure": "2"}, ("exported whole", "score_slice")),
        ("export_score", {"format": "abc", "parts": "Bass"}, ("parts", "list")),
        ("render_score", {"format": "pdf"}, ("svg", "png")),
    ],
)
async def test_errors_for_invalid_formats_name_the_valid_ones(
    client: Client[Any], tool, arguments, expected
) -> None:
    with pytest.raises(ToolError) as caught:
        await client.call_tool(tool, {"score_id": await imported(client), **arguments})
    for words in expected:
        assert words in str(caught.value)


async def test_without_typst_only_pdf_fails_and_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "typst.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = Music21Settings(_env_file=None, worker_processes=1)
    async with Client(create_server(settings)) as client:
        score = await imported(client)
        with pytest.raises(ToolError, match=r"pip install 'music21-server\[pdf\]'.* ask for svg or png"):
            await exported(client, score, "pdf")
        assert (await exported(client, score, "svg", last_measure="1"))[0].startswith(b"<")
