"""A picture of lines and text becomes one of pixels, with fonts of our own: the machine may have none."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Final

_WORDS: Final = "Score Serif"
"""Letters as wide as those of Times, for which Verovio sets its texts."""

_SIGNS: Final = "Score Signs"
"""Notes and other signs within text, such as those of a metronome."""

_FILLED: Final = '<path transform="scale(1,-1)"'
"""How the shape of a sign begins. Verovio's style sheet draws a line of a fiftieth of a pixel around each,
which takes a quarter of the time."""


def in_own_fonts(svg: str) -> str:
    """Return an SVG of Verovio with the names of our fonts in place of its own."""
    return svg.replace('font-family="Leipzig"', f'font-family="{_SIGNS}"').replace(
        "Times, serif", f"{_WORDS}, serif"
    )


def png_of(svg: str, zoom: float) -> bytes:
    """Return an SVG of Verovio as PNG, on white.

    Args:
        svg: The picture.
        zoom: Pixels per unit of it.
    """
    # Loaded here: only pictures need it.
    import resvg_py

    svg = in_own_fonts(svg).replace(_FILLED, _FILLED.replace("path", 'path style="stroke:none"'))
    with as_file(files("music21_server") / "data" / "fonts") as folder:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg,
                zoom=zoom,
                background="white",
                skip_system_fonts=True,
                font_dirs=[str(folder)],
                font_family=_WORDS,
                serif_family=_WORDS,
            )
        )
