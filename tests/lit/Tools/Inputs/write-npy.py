"""Writes zeros of float32 as a .npy file: write-npy.py FILE SIZE..."""

import math
import struct
import sys

shape = [int(size) for size in sys.argv[2:]]
header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}".ljust(117) + "\n"
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    file.write(bytes(4 * math.prod(shape)))
