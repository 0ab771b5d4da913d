"""``python -m perf_core`` is the command ``perf-core``."""

import sys

from perf_core.cli import main

sys.exit(main())
