"""Writes a .npy file of float32 zeros: write-npy.py FILE SIZE..., or of an int32: FILE SIZE... --int VALUE"""

import math
import struct
import sys

arguments = sys.argv[1:]
dtype, element = "<f4", bytes(4)
if "--int" in arguments:
    dtype, element = "<i4", struct.pack("<i", int(arguments.pop()))
    arguments.pop()
shape = [int(size) for size in arguments[1:]]
header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}".ljust(117) + "\n"
with open(arguments[0], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    file.write(element * math.prod(shape))
