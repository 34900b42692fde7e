"""Lets the modules of the twin and of the other benchmark be imported."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/twin"), str(ROOT / "tools/bench-attention")]
