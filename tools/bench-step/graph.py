"""A step as one CUDA graph, captured by hand, so that no launch waits for the host."""

from collections.abc import Callable

import torch


def captured(step: Callable[[], object], warm_up: int = 3) -> torch.cuda.CUDAGraph:
    """The graph of a step, which runs a few times before: what it compiles and allocates once is no part of it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(warm_up):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph
