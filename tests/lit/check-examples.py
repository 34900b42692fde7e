"""Checks that the examples of a dialect's or a pass's description are tested.

usage: check-examples.py FILE.td TEST.mlir...

Every ```mlir block in the .td file must stand in one of the tests, as input or as expected output.
White space does not count; in a test, the prefixes of CHECK lines and their patterns of values
([[X:%.*]] and [[X]], both read as %x) do not either.
"""

import re
import sys


def squeeze(text):
    return re.sub(r"\s+", "", text)


def as_written(test):
    test = re.sub(r"//\s*CHECK[A-Z-]*:", "", test)
    return re.sub(r"\[\[(\w+)(:[^\]]*)?\]\]", lambda name: "%" + name[1].lower(), test)


def main(description, *tests):
    with open(description) as file:
        examples = re.findall(r"```mlir\n(.*?)```", file.read(), re.DOTALL)
    written = []
    for path in tests:
        with open(path) as file:
            written.append(squeeze(as_written(file.read())))
    missing = [e for e in examples if not any(squeeze(e) in test for test in written)]
    for example in missing:
        print(f"{description}: expected this example in a test:\n{example}", file=sys.stderr)
    if not examples:
        sys.exit(f"{description}: expected examples, found none")
    sys.exit(1 if missing else 0)


main(*sys.argv[1:])
