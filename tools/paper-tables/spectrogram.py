"""Pictures of sounds: the power of each frequency over time."""

import io
import math
import wave
from pathlib import Path

from compressors import read_npy

WINDOW, STEP = 256, 64  # samples: 47 Hz and 5 ms at 12 kHz


def read_wav(path: Path) -> tuple[list[float], int]:
    """Samples of [-1, 1] of 16-bit PCM in one channel, and the rate."""
    with wave.open(str(path)) as sound:
        data, rate = sound.readframes(sound.getnframes()), sound.getframerate()
    return [int.from_bytes(data[k : k + 2], "little", signed=True) / 32768 for k in range(0, len(data), 2)], rate


def read_test(path: Path, length: int) -> list[float]:
    """The middle of the test part, out of mu-law as runtime/Data/MuLaw.h has it."""
    _, data = read_npy(path)
    begin = max(0, (len(data) - length) // 2)
    levels = [2 * byte / 255 - 1 for byte in data[begin : begin + length]]
    return [math.copysign((256 ** abs(level) - 1) / 255, level) for level in levels]


def draw(sounds: dict[str, list[float]], rate: int, target: Path) -> None:
    """By title, one below the other, in the same colours."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from PIL import Image

    figure, rows = pyplot.subplots(len(sounds), 1, sharex=True, squeeze=False, figsize=(7.2, 1.5 * len(sounds)))
    for axes, (title, samples) in zip(rows[:, 0], sounds.items()):
        axes.specgram([sample + 1e-6 for sample in samples], NFFT=WINDOW, noverlap=WINDOW - STEP, Fs=rate / 1000, vmin=-110, vmax=-20,
                      scale="dB", cmap="magma", xextent=(0, len(samples) / rate))
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_ylabel("kHz")
    rows[-1, 0].set_xlabel("seconds")
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    pyplot.close(figure)
    Image.open(drawn).convert("RGB").quantize(64).save(target, optimize=True)  # half of the bytes
