"""Draw the pictures of docs/music.md with the tools of the server.

    python tools/make_pictures.py

Takes about ten seconds. Look at the pictures afterwards.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client

from music21_server.server import create_server
from music21_server.settings import Music21Settings

IMAGES = Path(__file__).parents[3] / "docs" / "images"
HYMN = "tinyNotation: 4/4 g4 g a b c'2 b a4 b c'4 a g2 f#2 g1"
SCORES: dict[str, tuple[str, dict[str, Any]]] = {
    "rendered": ("import_score", {"source": "bach/bwv66.6"}),
    "imitated": ("imitate_style", {"composer": "bach", "measures": 8, "key": "G major", "seed": 1}),
    "counterpoint": (
        "generate_counterpoint",
        {"cantus": "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4", "species": 4},
    ),
    "harmonized": ("harmonize_melody", {"melody": HYMN, "style": "classical"}),
}
LAST_MEASURE = {"rendered": "4"}


async def draw() -> None:
    """Create each score, and draw a picture of it."""
    async with Client(create_server(Music21Settings())) as client:
        for name, (tool, arguments) in SCORES.items():
            score = (await client.call_tool(tool, arguments)).structured_content or {}
            selection = {"score_id": score["score_id"], "last_measure": LAST_MEASURE.get(name)}
            (image,) = (await client.call_tool("render_score", selection)).content
            path = IMAGES / f"music-{name}.png"
            path.write_bytes(base64.b64decode(image.data))
            sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    asyncio.run(draw())
