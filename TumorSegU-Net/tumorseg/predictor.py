"""Run a network over a brain crop: down the memory ladder, with the fastest runtime that works, mirrored if wanted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tumorseg.devices import Device, choose_device
from tumorseg.errors import BadInputError, ModelError, OutOfMemoryError
from tumorseg.memory_ladder import Rung, ladder, plan
from tumorseg.modelfile import AXES, Model, ModelSpec
from tumorseg.normalise import Box
from tumorseg.progress import Progress, Report, silent
from tumorseg.runtimes import release, runtimes
from tumorseg.sums import Axes, Runtime, RuntimeFailedError
from tumorseg.threads import limit_torch
from tumorseg.tiles import Tile, gaussian_weight, of_all, pad, padded_size, tiles_of
from tumorseg.volume import FloatArray

OUT_OF_MEMORY_WORDS = (
    "can't allocate memory",
    "out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "could not create a memory object",
    "unable to find an engine",
)
"""What torch, CUDA, Apple's GPUs, cuDNN and oneDNN say when they raise a plain ``RuntimeError``.

The last is all that torch says when none of cuDNN's convolutions gets its work space.
"""

Step = tuple[Tile, Sequence[Axes]]
"""A tile and the mirrorings in which it is run at once."""


@dataclass(frozen=True)
class Prediction:
    """Region probabilities of a crop and how they came about.

    Attributes:
        probabilities: (region, z, y, x) float32.
        rung: of the memory ladder that was used.
        runtime: library and number format that computed.
        remarks: sentences for the user about what did not go as planned.
    """

    probabilities: FloatArray
    rung: Rung
    runtime: str
    remarks: tuple[str, ...] = ()


def predict(model: Model, crop: FloatArray, device: Device, tta: bool = False, report: Report = silent) -> Prediction:
    """Probabilities of the model's regions for a normalised crop.

    Starts on the rung of the memory ladder that should fit, and steps down when it does not.

    Args:
        model: whose network is run.
        crop: (input, z, y, x) float32, as ``crop_to_brain`` makes it for the model.
        device: where to start.
        tta: average over the mirrorings that the network knows from its training, eight at most, even if the model does
            not ask for it.
        report: told about each tile.

    Raises:
        OutOfMemoryError: no rung has enough memory.
        ModelError: weights that do not fit the architecture.
        CancelledError: from ``report``.
    """
    mirrorings = wanted_mirrorings(model.spec, tta)
    z, y, x = crop.shape[1:]
    first = ladder(model.spec, (z, y, x), device.name)[0]
    for rung in plan(model.spec, (z, y, x), device.name, len(mirrorings)):
        try:
            return _on_rung(rung, first, model, crop, mirrorings, report)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
        release(model, rung.tiles_on)  # not while the error holds the tensors of its frames
    raise OutOfMemoryError("There is not enough memory to run the network; close other programs and try again.")


def mirrorings_of(spec: ModelSpec) -> tuple[Axes, ...]:
    """The mirrorings of test-time augmentation, none first, as axes of (channel, z, y, x)."""
    known = [number for number, axis in enumerate(AXES, start=1) if axis in spec.mirror_axes]
    return tuple(axes for count in range(len(known) + 1) for axes in itertools.combinations(known, count))


def wanted_mirrorings(spec: ModelSpec, asked: bool = False) -> tuple[Axes, ...]:
    """All mirrorings where they are asked for or the model always wants them, otherwise the image as it is."""
    return mirrorings_of(spec) if asked or spec.tta else ((),)


def prepare(model: Model, device: str = "auto") -> None:
    """Load what a run on a device needs, and make the network ready, so that the run need not wait for it.

    Args:
        model: that will be run.
        device: as ``choose_device`` takes it; a device that cannot be used is left to the run to complain about.

    Raises:
        TumorSegError: PyTorch cannot be loaded.
        ModelError: weights that do not fit the architecture.
    """
    try:
        name = choose_device(device).name
    except BadInputError:
        return
    side = 2 * model.spec.network_config.divisor
    rung = ladder(model.spec, (side, side, side), name)[0]
    for make in runtimes(model, rung):
        limit_torch()
        try:
            runtime = make()
            if name != "cpu":
                _first_passes(runtime, rung, model)
        except RuntimeFailedError:
            continue
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
        return


def _first_passes(runtime: Runtime, rung: Rung, model: Model) -> None:
    """Let a GPU load its kernels; where all inputs have one size, the second pass also records it (``cuda_graphs``)."""
    image = runtime.array(np.zeros((model.spec.inputs, *rung.tiling.size), np.float32))
    for _ in range(1 if model.spec.single_pass else 2):
        runtime.logits(image, wanted_mirrorings(model.spec))


def _on_rung(
    rung: Rung, first: Rung, model: Model, crop: FloatArray, mirrorings: Sequence[Axes], report: Report
) -> Prediction:
    """Use the first runtime that works and does not overflow.

    Raises:
        ModelError: not even torch in float32, the last one, gives numbers.
    """
    remarks = [] if _same_way(rung, first) else [f"Memory was not enough for {first}, so the run used {rung}."]
    for make in runtimes(model, rung):
        try:
            runtime = make()
            total = _logits(runtime, rung, model, crop, mirrorings, report)
        except RuntimeFailedError as error:
            remarks.append(f"OpenVINO could not run the network ({error}), so PyTorch did.")
            continue
        if runtime.is_finite(total):
            break
        remarks.append(f"Numbers were too large for {runtime.name}, so the run was repeated in another format.")
    else:
        raise ModelError(f"The network {model.spec.name} gives no numbers: its weights are damaged; install it again.")
    probabilities = runtime.probabilities(total, model.spec.outputs)
    return Prediction(probabilities, rung, runtime.name, tuple(remarks))


def _same_way(rung: Rung, first: Rung) -> bool:
    """Whether nothing was given up; how many mirrored images run at once does not count."""
    return replace(rung, batch=first.batch) == first


def _logits(
    runtime: Runtime, rung: Rung, model: Model, crop: FloatArray, mirrorings: Sequence[Axes], report: Report
) -> Any:
    """Mean logits (channel, z, y, x) of the crop, an array of the runtime."""
    tiling, config = rung.tiling, model.spec.network_config
    padded, inner = _padded(crop, rung, model)
    size = padded.shape[1:]
    image = runtime.array(padded)
    total, weights = runtime.zeros((config.out_channels, *size)), runtime.zeros(size)
    weight = runtime.array(gaussian_weight(tiling.size)) if tiling.kind == "tiles" else 1.0
    batches = [mirrorings[start : start + rung.batch] for start in range(0, len(mirrorings), rung.batch)]
    steps = list(itertools.product(tiles_of(size, tiling), batches))
    for tile, axes in _reported(steps, rung.tiles_on, report):
        answer = runtime.logits(image[of_all(tile.read)], axes)
        total[of_all(tile.keep)] += answer[of_all(tile.part)] * weight
        weights[tile.keep] += weight * len(axes)
    total /= weights
    return total[of_all(inner)]


def _padded(crop: FloatArray, rung: Rung, model: Model) -> tuple[FloatArray, Box]:
    """The crop made large enough, and where it lies in that; a stretched one is not padded."""
    if model.spec.resized:
        return pad(crop, crop.shape[1:])
    if rung.tiling.kind == "tiles":
        return pad(crop, rung.tiling.size)
    return pad(crop, padded_size(crop.shape[1:], model.spec.network_config.divisor))


def _reported(steps: list[Step], device: str, report: Report) -> Iterator[Step]:
    """Yield the steps and report before each, so that a cancel is heard within one."""
    started = time.monotonic()
    for done, step in enumerate(steps):
        elapsed = time.monotonic() - started
        left = elapsed / done * (len(steps) - done) if done else None
        report(Progress("predict", done / len(steps), left, device))
        yield step
    report(Progress("predict", 1.0, 0.0, device))


def _is_out_of_memory(error: Exception) -> bool:
    # torch's own class is told by its name: it may not be loaded.
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(words in str(error) for words in OUT_OF_MEMORY_WORDS)
