"""Compiling in this process: the program is the command's, and what is wrong is said.

usage: compile_test.py FOLDER    (of the commands)
"""

import os
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from pathlib import Path

import stc

COMPILE = Path(sys.argv.pop()) / "stc-compile"
ATTEND = Path(__file__).resolve().parent.parent / "lit/Tools/Inputs/attend.mlir"

SMALL = """
[model]
layers = 1
width = 32
heads = 2
[attention]
pattern = "fixed(16, 4)"
[data]
kind = "text"
context = 64
[train]
batch = 2
steps = 10
learning_rate = 0.001
"""


class Compile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "small.toml").write_text(SMALL, encoding="utf-8")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def test_the_same_program(self):
        for target in ("host", "sm_80"):
            subprocess.run([COMPILE, ATTEND, "--target", target, "-o", "command.stcp"], check=True)
            self.assertEqual(stc.compile(ATTEND, target=target), Path("attend.stcp"))
            self.assertEqual(Path("attend.stcp").read_bytes(), Path("command.stcp").read_bytes())

    def test_threads(self):
        outputs = [Path(f"{k}.stcp") for k in range(4)]
        threads = [threading.Thread(target=stc.compile, args=[ATTEND], kwargs={"output": one}) for one in outputs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({one.read_bytes() for one in outputs}), 1)

    def test_text_of_a_module(self):
        text = ATTEND.read_text(encoding="utf-8")
        stc.compile(ATTEND)
        stc.compile("attend.mlir", text=text, output="text.stcp")
        self.assertEqual(Path("text.stcp").read_bytes(), Path("attend.stcp").read_bytes())
        with self.assertRaisesRegex(ValueError, "attend.mlir:3:18: error: expected SSA operand"):
            stc.compile("attend.mlir", text=text.replace("stc.scores", "stc.scores,"))

    def test_text_with_a_warning(self):
        Path("small.toml").unlink()
        text = SMALL.replace("fixed(16, 4)", "summary(16, 4)")
        with self.assertWarnsRegex(UserWarning, r'(?s)small.toml:7:11: .* has no key .*pattern = "summary\(16, 4\)"'):
            written = stc.compile("small.toml", text=text, output=self.folder / "text.stcp")
        self.assertEqual(written.read_bytes()[:8], b"STC-PROG")

    def test_errors(self):
        def refused(error, words, *arguments, **named):
            with self.assertRaisesRegex(error, words), warnings.catch_warnings():
                stc.compile(*arguments, **named)

        both = SMALL.replace("heads = 2", "heds = 2").replace("width = 32", "width = 0")
        refused(ValueError, r"(?s)small.toml:4:.*small.toml:5:1: unknown key 'heds'", "small.toml", text=both)
        refused(FileNotFoundError, "none.toml", "none.toml")
        refused(ValueError, "expected a specification", self.folder)
        refused(ValueError, "expected the target host, sm_80, sm_90a, found 'tpu'", "small.toml", target="tpu")
        refused(ValueError, "expected .*CPU.*found 'z80'", "small.toml", cpu="z80")
        refused(OSError, "none", "small.toml", output="none/small.stcp")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["small.toml"])


if __name__ == "__main__":
    unittest.main()
