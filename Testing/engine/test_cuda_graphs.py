"""Recorded passes: which are kept, on which GPU and stream they are recorded, and what happens where that fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tumorseg import cuda_graphs
from tumorseg.cuda_graphs import GraphedNetwork


class _Recorder:
    """Plays ``cuda_graphs.record``: notes shapes, and answers from what was recorded."""

    def __init__(self, fails: bool = False) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.fails = fails

    def __call__(self, network: nn.Module, image: Tensor) -> Any:
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.shapes.append(tuple(image.shape))

        class Recording:
            replay: Callable[[Tensor], Tensor] = staticmethod(lambda x: network(x) + 0)

        return Recording()


def test_a_shape_that_comes_again_is_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = _Recorder()
    monkeypatch.setattr(cuda_graphs, "record", recorder)
    network = GraphedNetwork(nn.Identity())
    images = [torch.full((1, 1, size), float(size)) for size in (2, 3, 2, 2, 3, 4, 4, 2)]
    for image in images:
        assert torch.equal(network(image), image)
    # 2 is recorded again at the end: 4 has pushed it out.
    assert recorder.shapes == [(1, 1, 2), (1, 1, 3), (1, 1, 4), (1, 1, 2)]


def test_where_recording_fails_the_network_runs_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graphs, "record", _Recorder(fails=True))
    network = GraphedNetwork(nn.Identity())
    for _ in range(3):
        assert torch.equal(network(torch.ones(1, 1, 2)), torch.ones(1, 1, 2))


class _Full(nn.Module):
    """Memory is short for images of some sizes, each as often as it is named."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = list(sizes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] in self.sizes:
            self.sizes.remove(x.shape[-1])
            raise torch.cuda.OutOfMemoryError
        return x


def test_recordings_are_dropped_where_their_memory_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, emptied = _Recorder(), []
    monkeypatch.setattr(cuda_graphs, "record", recorder)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(len(network._recordings)))
    network = GraphedNetwork(_Full(3))
    for size in (2, 2, 3, 3, 2, 2):
        assert torch.equal(network(torch.ones(1, 1, size)), torch.ones(1, 1, size))
    assert emptied == [0]
    assert recorder.shapes == [(1, 1, 2)]


def test_memory_that_is_short_without_recordings_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graphs, "record", _Recorder())
    with pytest.raises(torch.cuda.OutOfMemoryError):
        GraphedNetwork(_Full(2))(torch.ones(1, 1, 2))


class _Gpus:
    """Plays the devices and streams of ``torch.cuda`` (2.13), and what its contexts leave behind."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.device = "cuda:0"
        self.usual = {name: self.new_stream(name) for name in ("cuda:0", "cuda:1")}
        self.streams = dict(self.usual)
        self.recording: list[str] = []
        own = {"Stream": self.new_stream, "CUDAGraph": SimpleNamespace, "device": self.on_device}
        own |= {"stream": self.on_stream, "graph": self.recorded, "current_stream": self.current_stream}
        for name, function in own.items():
            patch.setattr(torch.cuda, name, function)

    @staticmethod
    def new_stream(device: str) -> Any:
        return SimpleNamespace(device=device, wait_stream=lambda other: None)

    def current_stream(self, device: str | None = None) -> Any:
        return self.streams[device or self.device]

    @contextmanager
    def on_device(self, name: str) -> Iterator[None]:
        before, self.device = self.device, name
        yield
        self.device = before

    @contextmanager
    def on_stream(self, stream: Any) -> Iterator[None]:
        device, before = self.device, self.streams[stream.device]
        self.device, self.streams[stream.device] = stream.device, stream
        try:
            yield
        finally:
            self.device, self.streams[stream.device] = device, before

    @contextmanager
    def recorded(self, _: Any, stream: Any = None, capture_error_mode: str = "global") -> Iterator[None]:
        stream = stream or self.usual["cuda:0"]
        self.device, self.streams[stream.device] = stream.device, stream
        self.recording = [stream.device, capture_error_mode]
        yield  # an error comes out here: the end of a recording that failed raises, and the stream is not left
        self.recording = []
        self.streams[stream.device] = self.usual[stream.device]

    def network(self, _: Any) -> tuple[str, bool, list[str]]:
        """Where a pass on ``cuda:1`` runs, and what is recorded meanwhile."""
        stream = self.streams["cuda:1"]
        return self.device, stream is self.usual["cuda:1"], self.recording


def test_a_pass_is_recorded_on_the_gpu_of_its_image(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = _Gpus(monkeypatch)
    image: Any = SimpleNamespace(device="cuda:1", clone=lambda: image)
    recording = cuda_graphs.record(gpus.network, image)  # type: ignore[arg-type]
    assert recording.answer == ("cuda:1", False, ["cuda:1", "thread_local"])  # type: ignore[comparison-overlap]
    assert (gpus.device, gpus.streams) == ("cuda:0", gpus.usual)


def test_a_recording_that_fails_leaves_the_usual_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = _Gpus(monkeypatch)
    image: Any = SimpleNamespace(device="cuda:1", clone=lambda: image)

    def network(_: Any) -> None:
        if gpus.recording:
            raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError, match="capturing"):
        cuda_graphs.record(network, image)  # type: ignore[arg-type]
    assert gpus.streams == gpus.usual
