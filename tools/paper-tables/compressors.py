"""What compressors make of the bytes that models are tested on: the rows beside them in Table 1."""

import gzip
import lzma
import shutil
import subprocess
import tempfile
from pathlib import Path

# By the kind of data: a command from {given} to {packed}, both files. Pictures are given as one sheet.
ANY = {
    "brotli -q 11": "brotli -q 11 --large_window=24 -f -o {packed} {given}",
    "zstd --ultra -22": "zstd --ultra -22 -q -f -o {packed} {given}",
}
PICTURES = {
    "PNG (optipng -o2)": "optipng -quiet -clobber -o2 -out {packed} {given}",
    "WebP, lossless": "cwebp -quiet -lossless -z 9 -o {packed} {given}",
    "JPEG XL, lossless": "cjxl --quiet -d 0 -e 7 {given} {packed}",
}
SOUND = {
    "FLAC (flac -8)": "flac -8 --silent --force --force-raw-format --endian=little --channels=1 --bps=8 "
                      "--sample-rate=12000 --sign=unsigned -o {packed} {given}",
}
SUFFIXES = {"PNG (optipng -o2)": ".png", "WebP, lossless": ".webp", "JPEG XL, lossless": ".jxl", "FLAC (flac -8)": ".flac"}


def read_npy(path: Path) -> tuple[tuple[int, ...], bytes]:
    """Shape and bytes of an array of uint8."""
    data = path.read_bytes()
    begin = 10 + int.from_bytes(data[8:10], "little")
    shape = data[10:begin].decode().partition("'shape': (")[2].partition(")")[0]
    return tuple(int(size) for size in shape.split(",") if size.strip()), data[begin:]


def sheet(shape: tuple[int, ...], pixels: bytes, columns: int = 128) -> bytes:
    """Pictures of one size side by side, as PPM; what is left of the last row is black."""
    count, height, width, channels = shape
    line, rows = width * channels, -(-count // columns)
    lines = []
    for row in range(rows):
        for y in range(height):
            for k in range(row * columns, (row + 1) * columns):
                begin = (k * height + y) * line
                lines.append(pixels[begin : begin + line] if k < count else bytes(line))
    return b"P6\n%d %d\n255\n" % (columns * width, rows * height) + b"".join(lines)


def bits_a_byte(path: Path) -> dict[str, float]:
    """Of the array's bytes, by the name of the compressor. Those that are not installed are left out."""
    shape, data = read_npy(path)
    sizes = {"gzip -9": len(gzip.compress(data, 9)),
             "xz -9e": len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))}
    with tempfile.TemporaryDirectory() as folder:
        def run(commands: dict[str, str], given: bytes, suffix: str) -> None:
            source = Path(folder) / f"given{suffix}"
            source.write_bytes(given)
            for name, command in commands.items():
                packed = Path(folder) / f"packed{SUFFIXES.get(name, '')}"
                words = command.format(given=source, packed=packed).split()
                if shutil.which(words[0]):
                    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
                    sizes[name] = packed.stat().st_size

        run(ANY, data, "")
        if len(shape) == 4:
            run(PICTURES, sheet(shape, data), ".ppm")
        elif path.parent.name == "sound":
            run(SOUND, data, ".raw")
    return {name: 8 * size / len(data) for name, size in sizes.items()}
