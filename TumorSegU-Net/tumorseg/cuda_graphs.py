"""CUDA graphs: a pass that was recorded once is started as a whole, instead of kernel by kernel from Python."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

KEPT = 2
"""Recorded shapes; each holds the memory of a pass."""

WARM_UP = 2
"""Passes before recording, in which cuDNN chooses its kernels."""


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    image: Tensor
    answer: Tensor

    def replay(self, image: Tensor) -> Tensor:
        self.image.copy_(image)
        self.graph.replay()
        return self.answer.clone()


class GraphedNetwork:
    """Runs a network on a CUDA device; a shape that comes again is recorded, and replayed from then on.

    Brain crops differ from patient to patient, tiles do not: a shape that comes once is not worth recording. Where a
    recording fails, the network is run as usual. Recordings are dropped where their memory is needed.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._seen: set[tuple[int, ...]] = set()
        self._recordings: OrderedDict[tuple[int, ...], _Recording] = OrderedDict()
        self._records = True

    def __call__(self, image: Tensor) -> Tensor:
        """The network's answer, of the same batch and size as the image."""
        try:
            return self._answer(image)
        except torch.cuda.OutOfMemoryError:
            if not self._recordings:
                raise
        self._forget()  # not while the error holds the tensors of its frames
        torch.cuda.empty_cache()
        return self._answer(image)

    def _answer(self, image: Tensor) -> Tensor:
        shape = tuple(image.shape)
        if self._records and shape in self._seen and shape not in self._recordings:
            self._record(shape, image)
        self._seen.add(shape)
        recording = self._recordings.get(shape)
        answer: Tensor = recording.replay(image) if recording else self._network(image)
        return answer

    def _record(self, shape: tuple[int, ...], image: Tensor) -> None:
        while len(self._recordings) >= KEPT:
            self._recordings.popitem(last=False)
        try:
            self._recordings[shape] = record(self._network, image)
        except RuntimeError:  # also when memory is short
            self._forget()

    def _forget(self) -> None:
        """Give the memory of all recordings back, and record nothing any more."""
        self._records = False
        self._recordings.clear()


def record(network: nn.Module, image: Tensor) -> _Recording:
    """Record a pass over images of this shape and memory layout, on the GPU where the image is.

    Raises:
        RuntimeError: the network does something that cannot be recorded, or memory is short.
    """
    held = image.clone()
    stream = torch.cuda.Stream(image.device)
    with torch.cuda.device(image.device):
        usual = torch.cuda.current_stream()
        stream.wait_stream(usual)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                network(held)
        usual.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # torch's own stream would be one of the first GPU that was ever recorded; on another one nothing is recorded.
        # A recording that fails does not leave its stream, so we do. Other threads may load a network meanwhile.
        with torch.cuda.stream(usual), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            answer = network(held)
    return _Recording(graph, held, answer)
