"""Roman numerals in one form, so that those of different writers can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Mode = Literal["major", "minor"]

_NUMERAL: Final = re.compile(
    r"(?P<sign>[b#-]*)(?P<roman>VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i|N|It|Ger|Fr|Sw|Cad)"
    r"(?P<quality>/?[oø°+]?)(?P<rest>.*)"
)
_DEGREES: Final = ("I", "II", "III", "IV", "V", "VI", "VII")
_AUGMENTED_SIXTHS: Final = ("It", "Ger", "Fr", "Sw")
_OMITTED: Final = re.compile(r"\[[^\]]*\]")
_TARGET: Final = re.compile(r"/(?=[b#-]*[IViv])")
_FIGURES: Final = {
    "53": "", "5": "", "3": "", "63": "6", "753": "7", "75": "7", "73": "7", "653": "65", "643": "43",
    "642": "42", "2": "42", "4": "64",
}  # fmt: skip


@dataclass(frozen=True)
class Label:
    """A chord as a degree of a key.

    Attributes:
        tonic: Pitch class of the key; 0 is C.
        mode: Mode of the key.
        degree: Degree in capitals, such as ``V`` or ``bII``; for an applied chord that of its primary
            numeral: ``V`` for ``V65/V``. The sixth and seventh degrees of minor are the same whether raised
            or not. ``augmented sixth`` for chords of that kind; empty without a numeral.
        figure: Complete numeral in the common form, such as ``V65/ii`` or ``viio7``.
        is_applied: Whether it belongs to another degree than the tonic.
    """

    tonic: int
    mode: Mode
    degree: str
    figure: str
    is_applied: bool = False


def label(numeral: str, tonic: int, mode: Mode) -> Label:
    """Return the label for a numeral in a key.

    Args:
        numeral: Numeral as RomanText, music21 or the harmony tool writes it.
        tonic: Pitch class of the key.
        mode: Mode of the key.
    """
    primary, *target = _TARGET.split(_OMITTED.sub("", numeral.strip()), maxsplit=1)
    degree, figure = _degree_and_figure(primary, mode)
    if not target:
        return Label(tonic, mode, degree, figure)
    return Label(tonic, mode, degree, f"{figure}/{_degree_and_figure(target[0], mode)[0]}", is_applied=True)


def _degree_and_figure(numeral: str, mode: Mode) -> tuple[str, str]:
    """Return the degree and the complete figure of a numeral without a target."""
    match = _NUMERAL.match(numeral)
    if match is None:
        return "", numeral
    sign, roman, quality = match["sign"].replace("-", "b"), match["roman"], match["quality"].strip("/")
    figures = re.sub(r"[^0-9oø°+]", "", match["rest"])
    if match["quality"] == "/o" or "/o" in match["rest"]:
        quality = "ø"
    quality = (quality + "".join(each for each in figures if not each.isdigit()))[:1].replace("°", "o")
    figures = "".join(each for each in figures if each.isdigit())
    figures = _FIGURES.get(figures, figures)
    if roman in _AUGMENTED_SIXTHS:
        return "augmented sixth", roman + figures
    if roman == "N":
        sign, roman = "b", "II"
    if roman == "Cad":
        roman = "I" if mode == "major" else "i"
    if mode == "minor" and roman.upper() in ("VI", "VII"):
        sign = ""
    degree = sign + roman.upper()
    return degree, sign + roman + quality + figures
