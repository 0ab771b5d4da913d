"""Make the pages that asv has published work offline.

asv's page loads its libraries from content delivery networks. Each is replaced by a file of an npm package,
whose version is pinned in assets/package.json. If the page of another asv release loads a library that is not
listed here, it is refused with an error rather than published half working.

The versions are newer than those that asv names, because jQuery 3.3.1 and all of Bootstrap 3 have known
vulnerabilities. `assets/bootstrap-3.js` and `.css` give Bootstrap 5 the names that asv's pages use.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

LOCAL_FOLDER = "libraries"
"""Folder of the local copies, beside the page."""

LIBRARIES: Mapping[str, str] = {
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "jquery.flot.min.js": "flot/jquery.flot.js",
    "jquery.flot.time.min.js": "flot/jquery.flot.time.js",
    "jquery.flot.selection.min.js": "flot/jquery.flot.selection.js",
    "jquery.flot.categories.min.js": "flot/jquery.flot.categories.js",
    "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
"""Files that asv 0.6.6 loads, and the files below node_modules that replace them."""

ASSETS = Path(__file__).parent / "assets"

ADAPTERS: Mapping[str, str] = {
    # Deferred, so that it runs after Bootstrap has asked to be told of the end of the page.
    "bootstrap.min.js": f'<script defer src="{LOCAL_FOLDER}/bootstrap-3.js"></script>{{tag}}',
    # Before asv's own style sheets, which change some of it.
    "bootstrap.min.css": f'{{tag}}<link rel="stylesheet" href="{LOCAL_FOLDER}/bootstrap-3.css">',
}
"""The text beside the tag of a library: our files of these names in `assets`."""

_LOADING = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "embed": "src",
    "object": "data",
    "audio": "src",
    "video": "src",
}
_ONLY_FOR_REMOTE = ("integrity", "crossorigin", "referrerpolicy")
_EXTERNAL = re.compile(r"(?:https?:)?//", re.IGNORECASE)


class UnknownAssetError(Exception):
    """A page loads an external file that has no local copy."""


def offline_page(page: str) -> str:
    """Return a page that loads nothing external; links for readers are kept.

    Raises:
        UnknownAssetError: The page loads a file that is not in `LIBRARIES`; the message names it.
    """
    for tag, address in _external_assets(page):
        page = page.replace(tag, _local_tag(tag, address))
    return page


def external_addresses(page: str) -> list[str]:
    """Return the addresses of external files that a page loads."""
    return [address for _, address in _external_assets(page)]


def make_offline(html_dir: Path, node_modules: Path) -> None:
    """Rewrite the published pages and copy the libraries beside them.

    Args:
        html_dir: Folder that asv published into.
        node_modules: Folder with the packages of assets/package.json.

    Raises:
        UnknownAssetError: A page loads an unknown file; nothing has been changed.
        FileNotFoundError: A package is not installed.
    """
    pages = {page: offline_page(page.read_text(encoding="utf-8")) for page in sorted(html_dir.glob("*.html"))}
    for file in LIBRARIES.values():
        copy = html_dir / LOCAL_FOLDER / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(node_modules / file, copy)
    for adapter in ("bootstrap-3.js", "bootstrap-3.css"):
        shutil.copyfile(ASSETS / adapter, html_dir / LOCAL_FOLDER / adapter)
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")


def _local_tag(tag: str, address: str) -> str:
    name = address.rsplit("/", 1)[-1]
    if name not in LIBRARIES:
        raise UnknownAssetError(
            f"expected only files in LIBRARIES, got {address}: add its npm package to assets/package.json "
            "and its file to LIBRARIES in offline.py"
        )
    # The hashes are those of the external files, and a page opened from disk has no origin.
    for attribute in _ONLY_FOR_REMOTE:
        tag = re.sub(rf"\s+{attribute}\s*=\s*(\"[^\"]*\"|'[^']*')", "", tag)
    local = tag.replace(address, f"{LOCAL_FOLDER}/{LIBRARIES[name]}")
    return ADAPTERS.get(name, "{tag}").format(tag=local)


def _external_assets(page: str) -> list[tuple[str, str]]:
    """Return the tags that load an external file, as written in the page, with the addresses."""
    finder = _AssetFinder()
    finder.feed(page)
    finder.close()
    return finder.assets


class _AssetFinder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.assets: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(_LOADING.get(tag, "")) or ""
        if _EXTERNAL.match(address.strip()):
            self.assets.append((self.get_starttag_text() or "", address))
