# FileCheck tests of dialects, passes and tools: one .mlir file a subject. Run them all with
# `ninja check-lit`, or some with `lit -v build/tests/lit --filter=...`.
import os

import lit.formats

config.name = "stc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.stc_obj_root

config.environment["PATH"] = os.pathsep.join(
    [config.stc_tools_dir, config.llvm_tools_dir, config.environment["PATH"]]
)

# The CPU that stc-compile takes where a test names none.
if "STC_CPU" in os.environ:
    config.environment["STC_CPU"] = os.environ["STC_CPU"]

# Built where Google Benchmark is installed.
if os.path.exists(os.path.join(config.stc_tools_dir, "bench-pattern")):
    config.available_features.add("bench-pattern")

# Every input of stc-opt must also survive printing and parsing.
config.substitutions += [
    (r"\bstc-opt\b", os.path.join(config.stc_tools_dir, "stc-opt") + " --verify-roundtrip"),
    ("%check-examples", f"{config.python} {config.test_source_root}/check-examples.py"),
    ("%stc_root", config.stc_src_root),
    ("%python", config.python),
]
