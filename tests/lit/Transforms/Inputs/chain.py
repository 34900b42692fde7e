"""Writes a function @f of a chain of so many rounds of a kind to the standard output.

Usage: chain.py KIND ROUNDS
"""

import sys

X = "tensor<8x64xf32>"

ROUNDS = {
    # One op, which reads the one before.
    "functions": "%v{i} = math.tanh %v{h} : {X}\n",
    # A sum of terms that have nothing else in common.
    "terms": """%c{i} = arith.constant dense<{i}.0> : {X}
    %m{i} = arith.mulf %v0, %c{i} : {X}
    %t{i} = math.tanh %m{i} : {X}
    %v{i} = arith.addf %v{h}, %t{i} : {X}
""",
    # Each row without its sum.
    "rows": """%s{i} = stc.reduce sum %v{h} dims [1] : {X} to tensor<8xf32>
    %b{i} = stc.broadcast %s{i} dims [0] : tensor<8xf32> to {X}
    %v{i} = arith.subf %v{h}, %b{i} : {X}
""",
}

kind, rounds = sys.argv[1], int(sys.argv[2])
print(f"func.func @f(%v0: {X}) -> {X} {{")
for i in range(1, rounds + 1):
    print("    " + ROUNDS[kind].format(i=i, h=i - 1, X=X), end="")
print(f"    return %v{rounds} : {X}\n}}")
