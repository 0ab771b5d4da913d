"""Makes the helper modules beside these tests importable, and keeps libraries from logging."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def silent_libraries() -> Iterator[None]:
    """Keep FastMCP and the SDK from logging, for tests that send thousands of requests with faults."""
    loggers = {name: logging.getLogger(name) for name in ("fastmcp", "mcp")}
    levels = {name: logger.level for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.setLevel(logging.CRITICAL)
    yield
    for name, logger in loggers.items():
        logger.setLevel(levels[name])
