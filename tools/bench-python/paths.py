"""Lets the modules of the benchmark of attention be imported, and the model of docs/examples."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools/bench-attention"))


def example(name: str) -> ModuleType:
    """A script of docs/examples, as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / f"docs/examples/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
