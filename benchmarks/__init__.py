"""Benchmarks: `python -m benchmarks` measures everything and writes docs/performance.md; `--quick` runs each
one small and writes nothing. Arguments name single benchmarks (see `run.NAMES`).

A benchmark is a module with `TABLES` and `results(quick=…)`, and raises when what it timed did not do its
work.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("constructs", "function_src", "tests")]
