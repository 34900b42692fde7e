"""What the benchmarks need of other programs and of files; no PyTorch."""

import subprocess
from pathlib import Path


def run_stc(arguments: list[str]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"{arguments[0]} ended with {done.returncode}")
    return done.stdout


def write(path: Path, text: str) -> None:
    """The file appears whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)
