"""Programs that were compiled from a text, in memory and on disk.

The folder is $STC_CACHE, or ~/.cache/stc. A program's file is named by all that decides it: the
text, the compiler, and the CPU. So none is stale after an upgrade, and machines may share a folder.
Processes that want one program at once compile it once. The files take $STC_CACHE_LIMIT bytes at
most, by default 1 GiB; what was used least recently goes first.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import mmap
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, TypeVar

from ._compile import write_program
from ._library import COMPILER, encoded, version
from ._program import Program

# Each holds the memory of its tensors, and is read from disk in a millisecond.
_IN_MEMORY = 16


@dataclass(frozen=True)
class Info:
    """What the cache has, and what this process did.

    folder: where the programs are; programs, bytes: how many, and how much they take.
    limit: the most bytes that they may take.
    compiled: how many programs this process compiled; loaded: how many it found on disk.
    """

    folder: Path
    programs: int
    bytes: int
    limit: int
    compiled: int
    loaded: int


class _Counts:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.compiled = self.loaded = 0

    def add(self, *, compiled: bool) -> None:
        with self.lock:
            self.compiled += compiled
            self.loaded += not compiled


_counts = _Counts()


def _folder() -> Path:
    """Programs are native code, so that nobody else may write here."""
    folder = Path(os.environ.get("STC_CACHE") or Path.home() / ".cache/stc")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _limit() -> int:
    return int(os.environ.get("STC_CACHE_LIMIT") or 1 << 30)


@functools.cache
def _compiler(cpu: str | None) -> str:
    """The compiler and the CPU that it compiles for."""
    with open(COMPILER.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as library:
        # The linker's note that has a hash of what is in it, near its start.
        note = re.search(rb"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0(.{20})", library, re.DOTALL)
        if not note:
            raise RuntimeError(f"{COMPILER.path}: expected a library with a build ID")
        identity = note[1].hex()
    features = COMPILER.text_of("stcCpuFeatures", encoded(cpu) if cpu else None)
    return "\n".join([version(), identity, cpu or "", features])


def _file(text: str, target: str, deterministic: bool) -> Path:
    decisive = "\n".join([_compiler(os.environ.get("STC_CPU")), target, str(deterministic), text])
    return _folder() / (hashlib.sha256(decisive.encode()).hexdigest() + ".stcp")


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Of the processes and threads that want a file, one is here. Lock files are never removed, as
    others may wait for them; so there are 256, and not one for each program."""
    with open(file.parent / f"lock-{file.name[:2]}", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _programs() -> list[tuple[float, int, Path]]:
    """When each was last used, its bytes, and its path. Other processes may remove some meanwhile."""
    found = []
    for path in _folder().glob("*.stcp"):
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    return sorted(found)


def _shrink(newest: Path) -> None:
    programs = _programs()
    total = sum(size for _, size, _ in programs)
    for _, size, path in programs:
        if total <= _limit():
            break
        if path != newest:
            path.unlink(missing_ok=True)
            total -= size


_Opened = TypeVar("_Opened")


def opened(
    text: str, name: str, target: str, open_file: Callable[[Path], _Opened], *, deterministic: bool = False,
    instead: Callable[[], str] | None = None,
) -> _Opened:  # fmt: skip
    """The program of a module of the stc dialect, opened, which is compiled if the cache has it not.
    `name` is the module's in errors. `instead` gives what is compiled in place of the text, which then only
    says what is wanted."""
    file = _file(f"// wanted\n{text}" if instead else text, target, deterministic)
    with _locked(file):
        try:
            os.utime(file)
            found = open_file(file)
            _counts.add(compiled=False)
        except (FileNotFoundError, ValueError):  # not there, or damaged
            module = instead() if instead else text
            write_program(Path(name + ".mlir"), module, target, None, file, deterministic=deterministic)
            found = open_file(file)
            _counts.add(compiled=True)
            _shrink(file)
    return found


@functools.lru_cache(_IN_MEMORY)
def program(text: str, name: str) -> Program:
    """The same for this CPU."""
    return opened(text, name, "host", Program)


def info() -> Info:
    programs = _programs()
    total = sum(size for _, size, _ in programs)
    return Info(_folder(), len(programs), total, _limit(), _counts.compiled, _counts.loaded)


def clear() -> None:
    """Removes all programs, of this process's memory and of the folder."""
    program.cache_clear()
    for _, _, path in _programs():
        path.unlink(missing_ok=True)
