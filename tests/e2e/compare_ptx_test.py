"""Kernels that differ in names alone are the same, and others are told apart.

usage: compare_ptx_test.py FOLDER
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FOLDER = sys.argv.pop()

KERNEL = """.visible .entry attention_0(
	.param .u64 attention_0_param_0
)
{
	.reg .pred 	%p<2>;
	.reg .b32 	%r<4>;

	ld.param.b64 	%rd1, [attention_0_param_0];
	mov.u32 	%r1, %tid.x;
	setp.ne.b32 	%p1, %r1, 0;
	@%p1 bra 	$L__BB0_2;
	add.s32 	%r2, %r1, 114688;           // a comment
	st.global.b32 	[%rd1], %r2;
$L__BB0_2:
	ret;
}
"""


class ComparePtx(unittest.TestCase):
    def run_on(self, before, after):
        with tempfile.TemporaryDirectory() as folder:
            for side, kernels in (("before", before), ("after", after)):
                (Path(folder) / side).mkdir()
                for name, text in kernels.items():
                    (Path(folder) / side / f"{name}.ptx").write_text(text, encoding="utf-8")
            done = subprocess.run([f"{FOLDER}/tools/compare-ptx.py", "before", "after"], cwd=folder,
                                  capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def compared(self, text):
        return self.run_on({"a.0": KERNEL}, {"a.0": text})

    def test_names(self):
        renamed = KERNEL.replace("attention_0", "forward").replace("%r1", "%r7").replace("%r2", "%r1")
        renamed = renamed.replace("__BB0_2", "__BB0_9").replace("<4>", "<9>").replace("a comment", "another")
        self.assertNotEqual(renamed, KERNEL)
        self.assertEqual(self.compared(renamed), (0, ["1 kernels, 0 differ"]))

    def test_an_operand(self):
        self.assertEqual(self.compared(KERNEL.replace("[%rd1], %r2", "[%rd1], %r1")), (1, [
            "a.0.ptx: 7 -> 7 instructions (equally many of each kind)",
            "  - st.global.b32 \t[%rd#0], %r#4;",
            "  + st.global.b32 \t[%rd#0], %r#1;",
            "1 kernels, 1 differ",
        ]))

    def test_a_special_register_and_a_number(self):
        for old, new in (("%tid.x", "%tid.y"), ("114688", "114704")):
            self.assertEqual(self.compared(KERNEL.replace(old, new))[0], 1)

    def test_instructions(self):
        code, said = self.compared(KERNEL.replace("add.s32 \t%r2", "mul.lo.s32 \t%r2"))
        self.assertEqual((code, said[0]), (1, "a.0.ptx: 7 -> 7 instructions (add.s32 1 -> 0, mul.lo.s32 0 -> 1)"))

    def test_other_kernels(self):
        code, said = self.run_on({"a.0": KERNEL}, {"a.0": KERNEL, "a.1": KERNEL})
        self.assertEqual(code, 1)
        self.assertEqual(said[0], "a.1.ptx: only in after")
        code, said = self.run_on({}, {})
        self.assertEqual((code, said), (1, ["compare-ptx.py: error: expected kernels in before, found none"]))


if __name__ == "__main__":
    unittest.main()
