"""A view as one self-contained HTML page without scripts."""

from __future__ import annotations

from markupsafe import Markup

from perf_core.report.html import asset, template
from perf_core.report.tables import flat_table
from perf_core.report.view.model import View

_PAGE = "view.html.jinja"


def render(view: View, file_name: str) -> str:
    """Return the page.

    Args:
        view: Content.
        file_name: File that has every figure in full, in the page's own folder.
    """
    return template(_PAGE).render(
        view=view,
        manifest=flat_table("Manifest", view.manifest),
        file_name=file_name,
        # A file of this package, not text of a result: only this and drawings are inserted unescaped.
        style=Markup(asset("page.css")),  # noqa: S704 - packaged with this module
    )
