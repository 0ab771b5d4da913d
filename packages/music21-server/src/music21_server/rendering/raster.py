"""Convert SVG to PNG with the fonts of this package, because the machine may have none."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Final

_TEXT_FONT: Final = "Score Serif"
"""Font for words, with the metrics of Times, for which Verovio lays out text."""

_SYMBOL_FONT: Final = "Score Signs"
"""Font for notes and other symbols within text, for example in metronome marks."""

_GLYPH: Final = '<path transform="scale(1,-1)"'
"""Start of a music glyph. Verovio's style sheet outlines each with a line of 1/50 pixel, which takes a
quarter of the rendering time."""


def with_own_fonts(svg: str) -> str:
    """Replace the font names in an SVG of Verovio with those of this package."""
    return svg.replace('font-family="Leipzig"', f'font-family="{_SYMBOL_FONT}"').replace(
        "Times, serif", f"{_TEXT_FONT}, serif"
    )


def png_of(svg: str, zoom: float) -> bytes:
    """Return an SVG of Verovio as PNG on a white background, with `zoom` pixels per SVG pixel."""
    # Imported here: only pictures need it.
    import resvg_py

    svg = with_own_fonts(svg).replace(_GLYPH, _GLYPH.replace("path", 'path style="stroke:none"'))
    with as_file(files("music21_server") / "data" / "fonts") as folder:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg,
                zoom=zoom,
                background="white",
                skip_system_fonts=True,
                font_dirs=[str(folder)],
                font_family=_TEXT_FONT,
                serif_family=_TEXT_FONT,
            )
        )
