"""The check of links finds what is wrong, and nothing is wrong with our pages.

usage: links_test.py FOLDER
"""

import sys
import tempfile
import unittest
from pathlib import Path

from check_links import anchors, check

FOLDER = sys.argv.pop()


class Links(unittest.TestCase):
    def found(self, **pages):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            (root / "docs").mkdir()
            for name, text in pages.items():
                path = root / "README.md" if name == "README" else root / "docs" / f"{name}.md"
                path.write_text(text, encoding="utf-8")
            return [line.replace(str(root), "ROOT") for line in check(root)]

    def test_right_links(self):
        self.assertEqual(
            self.found(
                README="[a](docs/a.md), [folder](docs), ![b](<docs/b.md>), <https://x.y>, [web](https://x.y/z)",
                a="# One `two`, three\n[b](b.md#top) [here](#one-two-three) [up](../README.md)",
                b="# Top\n[a\nb](a.md \"title\")",
            ),
            [],
        )

    def test_code_is_no_link(self):
        self.assertEqual(
            self.found(README="`[a](b)`\n```\n[a](b)\n```\n\n    [a](b)\n~~~\n[a](b)\n~~~\n"), [])

    def test_wrong_links(self):
        self.assertEqual(
            self.found(README="[a](docs/a.md)", a="# A\n[x](gone.md) [y](#b)\n[z](../../etc) ![p](p.png)"),
            [
                "docs/a.md: expected a link to something that is there, found gone.md",
                "docs/a.md: expected a link to a heading, found #b",
                "docs/a.md: expected a link inside ROOT, found ../../etc",
                "docs/a.md: expected a link to something that is there, found p.png",
            ],
        )

    def test_no_way_to_a_page(self):
        self.assertEqual(
            self.found(README="# A", a="[a](a.md)"),
            ["docs/a.md: expected a way here from README.md, found none"],
        )

    def test_equal_headings(self):
        self.assertEqual(anchors("# A\n## A\n```\n# no\n```\n### `b`: c-d (e)"), {"a", "a-1", "b-c-d-e"})

    def test_our_pages(self):
        self.assertEqual(list(check(Path(FOLDER).resolve())), [])


unittest.main()
