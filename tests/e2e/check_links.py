#!/usr/bin/env python3
"""Checks the links of Markdown pages.

usage: check_links.py FOLDER

Looks at README.md and at all pages under docs in FOLDER. Every relative link has to name a file or folder that
is there, inside FOLDER, and the part behind '#' a heading of that page. Every page has to be reached from
README.md. Prints a line for each that is not so, and ends with 1 if there was one.
"""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)")


def prose(text):
    """The page without code: what stands there is no link."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1[^\S\n]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.split("\n") if not line.startswith(("    ", "\t"))]
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", "\n".join(lines), flags=re.DOTALL)


def anchors(text):
    """The names that GitHub gives to headings, which other viewers have taken over."""
    names = set()
    text = re.sub(r"^(`{3,}).*?^\1[^\S\n]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*\s*$", text, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        unique, count = name, 0
        while unique in names:
            count += 1
            unique = f"{name}-{count}"
        names.add(unique)
    return names


def check(root):
    """Yields what is wrong."""
    pages = {page.resolve(): page.read_text(encoding="utf-8") for page in root.glob("docs/**/*.md")}
    start = (root / "README.md").resolve()
    pages[start] = start.read_text(encoding="utf-8")
    links = {page: set() for page in pages}
    for page, text in sorted(pages.items()):
        name = page.relative_to(root)
        for link in LINK.findall(prose(text)):
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.is_relative_to(root):
                yield f"{name}: expected a link inside {root}, found {link}"
            elif not target.exists():
                yield f"{name}: expected a link to something that is there, found {link}"
            elif anchor and target in pages and anchor not in anchors(pages[target]):
                yield f"{name}: expected a link to a heading, found {link}"
            if target in pages:
                links[page].add(target)
    reached, new = set(), {start}
    while new:
        reached |= new
        new = {target for page in new for target in links[page]} - reached
    for page in sorted(pages.keys() - reached):
        yield f"{page.relative_to(root)}: expected a way here from README.md, found none"


def main(folder):
    wrong = list(check(Path(folder).resolve()))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
