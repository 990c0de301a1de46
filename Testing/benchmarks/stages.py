"""Stages of one ``tumorseg`` command: ``stages.py RESULT ARGUMENTS...``, in a process of its own.

The command runs twice. The first run tells what imports and first use cost; in the second the stages are counted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any

from stage_clock import OTHER, ImportClock, StageClock, replaced

NETWORK = "network"

FUNCTIONS = (
    ("read", "tumorseg.segment_command", "read_case"),
    ("load model", "tumorseg.segment_command", "load_in_background"),
    ("check", "tumorseg.pipeline", "check_case"),
    ("crop and resample", "tumorseg.pipeline", "crop_to_brain"),
    ("normalise", "tumorseg.brain_crop", "network_input"),
    ("compare halves", "tumorseg.brain_crop", "with_other_half"),
    (NETWORK, "tumorseg.predictor", "predict"),
    ("labels", "tumorseg.pipeline", "calibrated"),
    ("labels", "tumorseg.pipeline", "probabilities_to_reference"),
    ("follow guides", "tumorseg.pipeline", "guided"),
    ("labels", "tumorseg.pipeline", "labels_of"),
    ("measure", "tumorseg.pipeline", "find_midline"),
    ("measure", "tumorseg.pipeline", "measure_tumor"),
    ("measure", "tumorseg.pipeline", "assess"),
    ("write", "tumorseg.segment_command", "_write"),
)
"""Stage, and the functions of the program that belong to it."""


def main(arguments: list[str]) -> dict[str, Any]:
    """``stages`` in CPU-seconds, the ``runtime`` of the network, and its ``floor`` (null on a GPU)."""
    start = time.process_time()
    first, imports = _first_run(arguments)
    clock = StageClock()
    predictions: list[tuple[Any, Any, Any]] = []
    with (
        replaced("tumorseg.predictor", "predict", partial(_recording, predictions)),
        replaced("tumorseg.segment_command", "load_in_background", _waiting),
        clock.wrapping(FUNCTIONS),
        clock.running(),
    ):
        _run(arguments)
    first_use = first - imports - sum(clock.seconds.values())
    model, crop, prediction = predictions[-1]
    return {
        "stages": {"start of Python": start, "imports": imports, "first use": first_use, **clock.seconds},
        "runtime": prediction.runtime,
        "floor": _floor(model, crop, prediction),
    }


def _run(arguments: list[str]) -> None:
    from tumorseg.cli import main as command

    if code := command(arguments):
        sys.exit(code)


def _first_run(arguments: list[str]) -> tuple[float, float]:
    """CPU-seconds of everything, and of imports alone."""
    clock = StageClock()
    with ImportClock() as imports, clock.running():
        _run(arguments)
    return clock.seconds[OTHER], imports.seconds


def _recording(predictions: list[tuple[Any, Any, Any]], predict: Callable[..., Any]) -> Callable[..., Any]:
    """The predictor; it keeps model, crop and prediction."""

    def recorded(model: Any, crop: Any, *others: Any) -> Any:
        prediction = predict(model, crop, *others)
        predictions.append((model, crop, prediction))
        return prediction

    return recorded


def _waiting(start: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    """Background work that is done when it is started, so that it counts as a stage of its own."""

    def done(*arguments: Any) -> Future[Any]:
        future = start(*arguments)
        wait([future])
        return future

    return done


def _floor(model: Any, crop: Any, prediction: Any) -> dict[str, Any] | None:
    """Operations of a prediction, counted by running it once more in torch, and what the machine can do."""
    if prediction.rung.tiles_on != "cpu":
        return None
    import torch
    from floor import counted_operations, peak_rate

    from tumorseg.devices import Device
    from tumorseg.predictor import predict
    from tumorseg.runtimes import RUNTIME_VARIABLE

    os.environ[RUNTIME_VARIABLE] = "torch"
    operations = counted_operations(lambda: predict(model, crop, Device("cpu", "")))
    number_format = "bfloat16" if "bfloat16" in prediction.runtime else "float32"
    peak, peak_of = peak_rate(getattr(torch, number_format))
    return {"operations": operations, "number_format": number_format, "peak": peak, "peak_of": peak_of}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(main(sys.argv[2:])))
