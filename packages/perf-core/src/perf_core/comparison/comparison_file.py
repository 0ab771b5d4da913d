"""The file of a comparison."""

from __future__ import annotations

from perf_core.comparison.model import SCHEMA, Comparison, upgraded
from perf_core.results.documents import DocumentKind

COMPARISONS = DocumentKind("comparison", SCHEMA, Comparison, upgraded)
"""``comparison.json``."""
