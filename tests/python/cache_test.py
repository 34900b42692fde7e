"""The cache of programs: found again, compiled once by many processes, and its limit.

usage: cache_test.py FOLDER    (of the commands)
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import stc

sys.argv.pop()

PROCESS = """
import stc, sys
stc.cache.program(sys.argv[1], "double")
print(stc.cache.info().compiled)
"""


def double(size):
    return f"""
func.func @double(%x: tensor<{size}xf32>) -> tensor<{size}xf32> {{
  %0 = arith.addf %x, %x : tensor<{size}xf32>
  return %0 : tensor<{size}xf32>
}}
"""


class Cache(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "programs"
        changed = mock.patch.dict(os.environ, {"STC_CACHE": str(self.folder)})
        changed.start()
        self.addCleanup(changed.stop)
        stc.cache.clear()
        self.before = stc.cache.info()

    def did(self):
        """How many programs were compiled, and found on disk, in this test."""
        now = stc.cache.info()
        return now.compiled - self.before.compiled, now.loaded - self.before.loaded

    def restarted(self):
        stc.cache.program.cache_clear()

    def test_found_again(self):
        program = stc.cache.program(double(4), "double")
        self.assertEqual(program["double"](np.ones(4, np.float32)).tolist(), [2] * 4)
        self.assertIs(stc.cache.program(double(4), "double"), program)
        self.assertEqual(self.did(), (1, 0))
        self.restarted()
        stc.cache.program(double(4), "double")
        self.assertEqual(self.did(), (1, 1))
        info = stc.cache.info()
        self.assertEqual((info.folder, info.programs, info.limit), (self.folder, 1, 1 << 30))
        self.assertEqual(info.bytes, sum(path.stat().st_size for path in self.folder.glob("*.stcp")))
        self.assertEqual(self.folder.stat().st_mode & 0o077, 0)
        stc.cache.clear()
        self.assertEqual(stc.cache.info().programs, 0)
        stc.cache.program(double(4), "double")
        self.assertEqual(self.did(), (2, 1))

    def test_what_decides(self):
        stc.cache.program(double(4), "double")
        self.restarted()
        with mock.patch.object(stc.cache, "_compiler", lambda cpu: "another version"):
            stc.cache.program(double(4), "double")
        self.restarted()
        with mock.patch.dict(os.environ, {"STC_CPU": "x86-64"}):
            stc.cache.program(double(4), "double")
        self.assertEqual(self.did(), (3, 0))

    def test_what_is_compiled_in_place_of_what_is_wanted(self):
        asked = []

        def opened(size):
            def instead():
                asked.append(size)
                return double(size + 1)

            program = stc.cache.opened(double(size), "double", "host", stc.Program, instead=instead)
            return program["double"](np.ones(size + 1, np.float32))

        for _ in range(2):
            np.testing.assert_array_equal(opened(4), np.full(5, 2, np.float32))
        self.assertEqual((asked, self.did()), ([4], (1, 1)))
        stc.cache.program(double(4), "double")  # another program
        self.assertEqual(self.did(), (2, 1))

    def test_a_damaged_file(self):
        stc.cache.program(double(4), "double")
        self.restarted()
        (file,) = self.folder.glob("*.stcp")
        file.write_bytes(file.read_bytes()[:1000])
        stc.cache.program(double(4), "double")
        self.assertEqual(self.did(), (2, 0))

    def test_the_limit(self):
        for size in (4, 5, 6):
            stc.cache.program(double(size), "double")
        taken = stc.cache.info().bytes
        for age, file in enumerate(sorted(self.folder.glob("*.stcp"), key=lambda file: -file.stat().st_mtime)):
            os.utime(file, (time.time() - 100 * age - 1,) * 2)
        self.restarted()
        stc.cache.program(double(4), "double")  # the oldest, until now
        with mock.patch.dict(os.environ, {"STC_CACHE_LIMIT": str(taken)}):
            stc.cache.program(double(7), "double")
        self.assertEqual(self.did(), (4, 1))
        self.restarted()
        stc.cache.program(double(4), "double")
        self.assertEqual(self.did(), (4, 2))
        stc.cache.program(double(5), "double")
        self.assertEqual(self.did(), (5, 2))
        with mock.patch.dict(os.environ, {"STC_CACHE_LIMIT": "1"}):
            stc.cache.program(double(8), "double")
            self.assertEqual(stc.cache.info().programs, 1)

    def test_eight_processes(self):
        started = [
            subprocess.Popen([sys.executable, "-c", PROCESS, double(4)], stdout=subprocess.PIPE, text=True)
            for _ in range(8)
        ]
        counts = [int(process.communicate()[0]) for process in started]
        self.assertEqual(sum(counts), 1)

    def test_threads(self):
        load = lambda: stc.cache.program(double(4), "double")  # noqa: E731
        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.did()[0], 1)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"wrong\.mlir:1:1: error"):
            stc.cache.program("func.fun", "wrong")
        self.assertEqual(stc.cache.info().programs, 0)


if __name__ == "__main__":
    unittest.main()
