"""``python -m perf_core``, the same as the command ``perf-core``."""

import sys

from perf_core.cli import main

sys.exit(main())
