#!/usr/bin/env python3
"""What a change of the compiler made of the kernels of all shared cases.

    gpu_ptx before sm_90a       by the old build (build/tests/gpu), and so for sm_80
    gpu_ptx after sm_90a        by the new one
    tools/compare-ptx.py before after

Kernels are the same if their PTX is, but for the names of kernels, registers and labels, which are counted from
the first use on. Prints those that are not, with how many instructions they had and have of each kind that has
more or less, and the first line that differs. Exit codes: 0 all are the same, 1 some are not, or one folder
has other kernels than the other.
"""

import re
import sys
from collections import Counter
from itertools import zip_longest
from pathlib import Path

# Kernels and what they declare are named by symbols, registers by %, a kind and a number, labels by $L.
NAME = re.compile(r"%[a-z]+\d+|\$L\w+")
ENTRY = re.compile(r"\.entry (\w+)")
KIND = re.compile(r"^\s*(?:@!?%p\d+ )?([a-z][\w.:]*)[\s;]")


def normalized(text: str) -> list[str]:
    """The lines, with names that do not depend on how many others the compiler thought of."""
    for entry in ENTRY.findall(text):
        text = re.sub(rf"\b{entry}\b", "kernel", text)
        text = re.sub(rf"\b{entry}_param", "kernel_param", text)
    names: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        name = found[0]
        kind = re.match(r"%[a-z]+|\$L", name)[0]
        return names.setdefault(name, f"{kind}#{len(names)}")

    lines = (re.sub(r"\s*//.*", "", line).strip() for line in text.splitlines())
    # How many registers of a kind there are follows from their uses.
    return [NAME.sub(renamed, line) for line in lines if line and not line.startswith(".reg ")]


def kinds(text: str) -> Counter[str]:
    return Counter(found[1] for line in text.splitlines() if (found := KIND.match(line)))


def difference(before: str, after: str) -> str | None:
    left, right = normalized(before), normalized(after)
    if left == right:
        return None
    old, new = kinds(before), kinds(after)
    changed = ", ".join(f"{kind} {old[kind]} -> {new[kind]}" for kind in sorted(old | new) if old[kind] != new[kind])
    a, b = next((a, b) for a, b in zip_longest(left, right, fillvalue="(end)") if a != b)
    return f"{old.total()} -> {new.total()} instructions ({changed or 'equally many of each kind'})\n  - {a}\n  + {b}"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: compare-ptx.py BEFORE AFTER")
    before, after = ({path.name: path for path in Path(folder).glob("*.ptx")} for folder in sys.argv[1:])
    if not before or before.keys() != after.keys():
        for name in sorted(before.keys() ^ after.keys()):
            print(f"{name}: only in {sys.argv[1] if name in before else sys.argv[2]}")
        sys.exit("compare-ptx.py: error: expected the same kernels in both folders" if before else
                 f"compare-ptx.py: error: expected kernels in {sys.argv[1]}, found none")
    differ = 0
    for name in sorted(before):
        old, new = before[name].read_text(), after[name].read_text()
        if old != new and (found := difference(old, new)):
            differ += 1
            print(f"{name}: {found}")
    print(f"{len(before)} kernels, {differ} differ")
    sys.exit(differ != 0)


if __name__ == "__main__":
    main()
