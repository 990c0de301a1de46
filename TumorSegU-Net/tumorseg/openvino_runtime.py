"""The network on the CPU through OpenVINO: an optional package, faster than torch and loaded in a tenth of the time."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model
from tumorseg.precision import half_precision_allowed
from tumorseg.sums import Axes, HostSums, RuntimeFailedError
from tumorseg.threads import current_threads
from tumorseg.volume import FloatArray

if TYPE_CHECKING:
    from openvino import CompiledModel, Core

_CONVERTER = "openvino.tools.ovc"

_compiled: WeakKeyDictionary[Model, OpenVinoNetwork] = WeakKeyDictionary()


def has_openvino() -> bool:
    """Whether the package is there; it is not loaded."""
    return "openvino" in sys.modules or importlib.util.find_spec("openvino") is not None


def can_run(model: Model, rung: Rung) -> bool:
    """Whether this runtime takes a rung: on the CPU, with weights from a file, crops not stretched."""
    return rung.tiles_on == "cpu" and model.stored is not None and not model.spec.resized and has_openvino()


def openvino_network(model: Model) -> OpenVinoNetwork:
    """The compiled network of a model; compiled once.

    Raises:
        RuntimeFailedError: OpenVINO cannot be loaded or does not take the network.
        MemoryError: as named.
    """
    if model not in _compiled:
        with _failures_told():
            _compiled[model] = OpenVinoNetwork(model)
    return _compiled[model]


class OpenVinoNetwork(HostSums):
    """Runs tiles on the CPU; sums are kept in numpy arrays."""

    def __init__(self, model: Model) -> None:
        with _without_converter():
            import openvino
        core = openvino.Core()
        half = half_precision_allowed() and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.number_format = "bfloat16" if half else "float32"
        self._network = _compile(core, model, self._settings())
        self.name = f"OpenVINO {openvino.__version__.partition('-')[0]}, {self.number_format}"

    def logits(self, image: FloatArray, mirrorings: Sequence[Axes]) -> FloatArray:
        """Sum over mirrorings, each mirrored back: see ``Runtime``."""
        total = np.zeros((), np.float32)
        with _failures_told():
            for axes in mirrorings:
                mirrored = np.ascontiguousarray(np.flip(image, axes))[None]
                answer = self._network(mirrored, share_inputs=True)[0][0]
                if answer.shape[1:] != image.shape[1:]:  # short of memory, OpenVINO gives an empty answer
                    raise MemoryError
                total = total + np.flip(answer, axes)
        return total

    def _settings(self) -> dict[str, Any]:
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": current_threads(),
            "INFERENCE_PRECISION_HINT": "bf16" if self.number_format == "bfloat16" else "f32",
        }


def _compile(core: Core, model: Model, settings: dict[str, Any]) -> CompiledModel:
    """Compiled for any size of crop; taken from the cache on disk when the same network was compiled before."""
    from tumorseg.openvino_cache import cached_file, keep_network, load_network
    from tumorseg.openvino_network import build_graph

    file = cached_file(core, model, settings)
    if file is not None and (kept := load_network(core, file, settings)) is not None:
        return kept
    graph = build_graph(model.spec.network_config, model.stored or {}, model.spec.members)
    network = core.compile_model(graph, "CPU", settings)
    if file is not None:
        keep_network(network, file)
    return network


@contextmanager
def _failures_told() -> Iterator[None]:
    """What OpenVINO raises has no common class."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if "bad_alloc" in str(error):
            raise MemoryError from error
        raise RuntimeFailedError(_first_line(error)) from error


@contextmanager
def _without_converter() -> Iterator[None]:
    """Load OpenVINO without its model converter, which would send usage statistics to Google when it is imported."""
    if "openvino" in sys.modules:
        yield
        return
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # importing it now fails, which OpenVINO allows for
    try:
        yield
    finally:
        del sys.modules[_CONVERTER]


def _first_line(error: Exception) -> str:
    """OpenVINO's texts go on for pages."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:120]}"
