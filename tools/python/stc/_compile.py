"""Specifications to program files."""

from __future__ import annotations

import ctypes
import os
import warnings
from pathlib import Path

from ._library import COMPILER, encoded


def compile(
    specification: str | os.PathLike[str],
    *,
    text: str | None = None,
    target: str = "host",
    cpu: str | None = None,
    deterministic: bool = False,
    output: str | os.PathLike[str] | None = None,
) -> Path:
    """Compiles a specification (.toml), or a module of the stc dialect (.mlir), to a program file,
    as `stc-compile` does. Returns the path of the program.

    specification: the file; where `text` is given, that is what it says, and no file is read.
    target: "host", "sm_80" (NVIDIA GPUs from Ampere on) or "sm_90a" (Hopper).
    cpu: the CPU to compile for: "native", or LLVM's name of one; by default STC_CPU of the
        environment, or native.
    deterministic: the same bits in every run on a GPU too, if slower.
    output: the file to write; by default the specification's name with .stcp, in this folder.

    ValueError: all mistakes of the specification, a line each. FileNotFoundError and other OSErrors:
    of files. What the compiler warns of is a Python warning.
    """
    path = Path(specification)
    if text is None:
        os.stat(path)
    written = Path(output) if output is not None else Path(path.stem + ".stcp")
    said = write_program(path, text, target, cpu, written, deterministic=deterministic)
    if said:
        warnings.warn(said, stacklevel=2)
    return written


def write_program(
    path: Path, text: str | None, target: str, cpu: str | None, output: Path, *, deterministic: bool = False
) -> str:
    """What `compile` does. Returns what the compiler warns of."""
    return COMPILER.text_of(
        "stcCompile",
        encoded(os.fspath(path)),
        encoded(text) if text is not None else None,
        encoded(target),
        encoded(cpu) if cpu is not None else None,
        ctypes.c_int(deterministic),
        encoded(os.fspath(output)),
    )
