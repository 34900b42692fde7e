"""What the benchmarks need of other programs and of files; no PyTorch."""

import shutil
import subprocess
import sys
from pathlib import Path


def output_of(arguments: list[str]) -> str:
    """What a command prints. RuntimeError with its own words, if it fails; the end, if there is none."""
    if not shutil.which(arguments[0]):
        sys.exit(f"error: expected the program {arguments[0]}, found none")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"{arguments[0]} ended with {done.returncode}")
    return done.stdout


def write(path: Path, text: str) -> None:
    """The file appears whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)
