"""Pages of asv that load nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from history_pages import FOLDER

A_PAGE = '<html><head>{}</head><body><a href="https://asv.example/">asv</a></body></html>'


def template() -> str:
    spec = importlib.util.find_spec("asv")
    if spec is None or spec.origin is None:
        pytest.skip("asv is not installed")
    return (Path(spec.origin).parent / "www" / "index.html").read_text(encoding="utf-8")


def test_page_of_the_installed_asv_loads_nothing_external(offline: ModuleType) -> None:
    page = template()
    assert len(offline.external_addresses(page)) == len(offline.LIBRARIES), "each local copy is used"
    rewritten = offline.offline_page(page)
    loaded = re.findall(r"<(?:script|link|img)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)", rewritten)
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    assert {f"libraries/{file}" for file in offline.LIBRARIES.values()} <= set(loaded)
    assert "integrity=" not in rewritten
    assert "crossorigin" not in rewritten
    assert 'src="asv.js"' in rewritten, "local files stay"


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="{}"></script>',
        "<script async\n src='{}'></script>",
        '<link rel="stylesheet" href="{}">',
        '<img src="{}"/>',
    ],
)
@pytest.mark.parametrize("scheme", ["https:", "HTTP:", ""])
def test_unknown_asset_is_named_in_the_error(offline: ModuleType, tag: str, scheme: str) -> None:
    address = f"{scheme}//cdn.example/npm/novelty@2/novelty.min.js"
    with pytest.raises(offline.UnknownAssetError, match=re.escape(address)):
        offline.offline_page(A_PAGE.format(tag.format(address)))


def test_links_that_a_reader_follows_are_kept(offline: ModuleType) -> None:
    page = A_PAGE.format('<script src="//cdn.example/md5.min.js" integrity="sha512-x" defer></script>')
    rewritten = offline.offline_page(page)
    assert '<a href="https://asv.example/">' in rewritten
    assert '<script src="libraries/blueimp-md5/js/md5.min.js" defer></script>' in rewritten


def test_nothing_is_written_if_a_page_is_refused(offline: ModuleType, tmp_path: Path) -> None:
    text = A_PAGE.format('<script src="https://cdn.example/novelty.js"></script>')
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    with pytest.raises(offline.UnknownAssetError):
        offline.make_offline(tmp_path, tmp_path / "node_modules")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == text


def test_every_library_is_pinned(offline: ModuleType) -> None:
    pins = json.loads((FOLDER / "assets" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {file.partition("/")[0] for file in offline.LIBRARIES.values()} == set(pins)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values()), pins
