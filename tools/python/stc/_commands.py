"""The commands stc-compile and stc-run, which the package puts on the path."""

import os
import sys
from pathlib import Path
from typing import NoReturn


def _become(command: str) -> NoReturn:
    path = str(Path(__file__).parent / "bin" / command)
    os.execv(path, [path, *sys.argv[1:]])


def compile() -> NoReturn:
    _become("stc-compile")


def run() -> NoReturn:
    _become("stc-run")
