"""Conversion of chord symbols to MusicXML `<harmony>` elements."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_KINDS: Final = {
    "": "major", "m": "minor", "+": "augmented", "dim": "diminished", "7": "dominant", "maj7":
    "major-seventh",
    "m7": "minor-seventh", "dim7": "diminished-seventh", "+7": "augmented-seventh", "m7b5": "half-diminished",
    "mM7": "major-minor", "6": "major-sixth", "m6": "minor-sixth", "9": "dominant-ninth", "maj9":
    "major-ninth",
    "m9": "minor-ninth", "11": "dominant-11th", "maj11": "major-11th", "m11": "minor-11th",
    "13": "dominant-13th", "maj13": "major-13th", "m13": "minor-13th", "sus2": "suspended-second",
    "sus4": "suspended-fourth", "5": "power",
    # Other spellings:
    "maj": "major", "M": "major", "min": "minor", "aug": "augmented", "o": "diminished",
    "M7": "major-seventh", "Maj7": "major-seventh", "min7": "minor-seventh",
    "o7": "diminished-seventh", "aug7": "augmented-seventh", "7+": "augmented-seventh", "ø7":
    "half-diminished",
    "ø": "half-diminished", "/o7": "half-diminished", "mmaj7": "major-minor", "sus": "suspended-fourth",
    "dom7": "dominant", "power": "power",
}  # fmt: skip

_SYMBOL: Final = re.compile(r"([A-G])(##?|bb?|--?)?(.*?)(?:/([A-G])(##?|bb?|--?)?)?")
_DEGREE: Final = re.compile(r"\((add|no)?(##?|bb?|--?)?(\d+)\)")
_DEGREE_TYPES: Final = {"add": "add", "no": "subtract", "": "alter"}
_ALTERS: Final = {"#": 1, "##": 2, "b": -1, "bb": -2, "-": -1, "--": -2}


def harmony(text: str) -> str:
    """Return the `<harmony>` of a chord symbol; an unknown suffix is kept as printed text.

    Args:
        text: Symbol such as ``C#m7/G#``, ``C7(addb9)`` or ``N.C.``; flats may be written ``b`` or ``-``.
    """
    match = _SYMBOL.fullmatch(text.strip())
    if match is None:
        # No chord, or a text that is not a symbol; the schema requires a root.
        root = '<root><root-step text="">C</root-step></root>'
        return f"<harmony>{root}<kind text={_quoted(text)}>none</kind></harmony>"
    root, alter, suffix, bass, bass_alter = match.groups()
    base = _DEGREE.sub("", suffix)
    return (
        f"<harmony>{_pitch('root', root, alter)}<kind text={_quoted(base)}>{_KINDS.get(base, 'other')}</kind>"
        + (_pitch("bass", bass, bass_alter) if bass else "")
        + "".join(_degree(*degree) for degree in _DEGREE.findall(suffix))
        + "</harmony>"
    )


def _degree(kind: str, sign: str, value: str) -> str:
    return (
        f"<degree><degree-value>{value}</degree-value><degree-alter>{_ALTERS.get(sign, 0)}</degree-alter>"
        f"<degree-type>{_DEGREE_TYPES[kind]}</degree-type></degree>"
    )


def _pitch(role: str, step: str, sign: str | None) -> str:
    alter = f"<{role}-alter>{_ALTERS[sign]}</{role}-alter>" if sign else ""
    return f"<{role}><{role}-step>{escape(step)}</{role}-step>{alter}</{role}>"


def _quoted(text: str) -> str:
    return quoteattr(printable(text))


def printable(text: str) -> str:
    """Return a text without the control characters that XML does not allow."""
    return re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
