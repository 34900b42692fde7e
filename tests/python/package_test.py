"""The package as a wheel has it: installed in an empty folder, with an empty environment.

usage: package_test.py BUILD
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop())

LINES = """
import stc
pattern = stc.Pattern(lambda b, h, i, j: (j <= i) & ((i - j) % 128 == 0))
assert pattern.equals(stc.stride(128), 1_000_000)
program = stc.Program(stc.compile(ATTEND))
ones = [[[[1.0] * 16] * 2] * 20]
assert abs(program["attend"](ones, ones, ones) - 1).max() < 1e-5
"""


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        install = ["cmake", "--install", BUILD, "--component", "wheel", "--prefix", cls.folder]
        subprocess.run(install, check=True, capture_output=True)
        cls.library = cls.folder / "stc/lib/libstc.so"

    def ran(self, *command):
        done = subprocess.run(command, env={}, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def tool(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def test_six_lines(self):
        attend = Path(__file__).resolve().parent.parent / "lit/Tools/Inputs/attend.mlir"
        self.ran(sys.executable, "-c", LINES.replace("ATTEND", repr(str(attend))))

    def test_commands(self):
        version = self.ran(sys.executable, "-c", "import stc; print(stc.__version__)")
        for command in ("stc-compile", "stc-run"):
            self.assertEqual(self.ran(self.folder / "stc/bin" / command, "--version"), f"{command} {version}")
            called = f"import sys; sys.argv = ['{command}', '--version']; from stc._commands import *; {command[4:]}()"
            self.assertEqual(self.ran(sys.executable, "-c", called), f"{command} {version}")

    def test_the_library_shows_the_c_interface_alone(self):
        names = re.findall(r" [A-Z] (\w+)", self.tool("nm", "-D", "--defined-only", self.library))
        headers = "".join(
            header.read_text(encoding="utf-8")
            for folder in ("compiler/Capi", "runtime/Capi", "tools/stc-compile")
            for header in (Path(__file__).resolve().parents[2] / folder).glob("*.h")
        )
        self.assertIn("stcCompile", names)
        for name in names:
            self.assertIn(f"{name}(", headers)

    def test_what_they_need(self):
        anywhere = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libstdc++.so.6", "libgcc_s.so.1"}
        ours = {path.name for path in (self.folder / "stc/lib").iterdir()}
        for path in [*(self.folder / "stc/lib").iterdir(), *(self.folder / "stc/bin").iterdir()]:
            needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", self.tool("readelf", "-d", path)))
            self.assertLessEqual(needed, anywhere | ours, path)
            for version in re.findall(r"GLIBC_2\.(\d+)", self.tool("readelf", "-V", path)):
                self.assertLessEqual(int(version), 36, path)

    def test_licences(self):
        self.assertGreater((self.folder / "stc/licences/libisl-dev").stat().st_size, 0)


if __name__ == "__main__":
    unittest.main()
