"""Times on a GPU, and what it comes to at most."""

from collections.abc import Callable

import torch


class Clock:
    """Medians by CUDA events, with nothing in the cache: while memory is filled, work is queued behind it."""

    def __init__(self) -> None:
        self.fill = torch.empty(2**30, dtype=torch.float32, device="cuda")

    def once(self, run: Callable[[], object]) -> float:
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.fill.zero_()
        start.record()
        run()
        stop.record()
        torch.cuda.synchronize()
        return start.elapsed_time(stop)

    def median(self, run: Callable[[], object]) -> float:
        self.once(run)
        first = self.once(run)
        count = 2 * int(min(7, max(1, 150 / first)))  # with the first an odd number
        times = sorted([first] + [self.once(run) for _ in range(count)])
        return times[len(times) // 2]


def ceilings(clock: Clock) -> dict[str, float]:
    """What this machine comes to: a product of 8192 cubed, and a copy of 4 GiB."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product = clock.median(lambda: a @ b)
    source = torch.empty_like(clock.fill)
    copy = clock.median(lambda: source.copy_(clock.fill))
    return {"product_flops": 2 * 8192**3 / product * 1e3, "copy_bytes": 2 * source.nbytes / copy * 1e3}
