"""Stages of one ``tumorseg`` command: ``stages.py RESULT ARGUMENTS...``, in a process of its own.

The command runs twice. The first run tells what imports and first use cost; in the second the stages are counted.
"""

from __future__ import annotations

import time

STARTED = time.process_time()
"""CPU-seconds of the interpreter's start, which has just ended."""

import json  # noqa: E402 - what follows is not the interpreter's start
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from stage_clock import OTHER, ImportClock, StageClock  # noqa: E402

NETWORK = "network"

FUNCTIONS = (
    ("read", "tumorseg.segment_command", "read_case"),
    ("load model", "tumorseg.segment_command", "load_model"),
    ("check", "tumorseg.pipeline", "check_case"),
    ("crop", "tumorseg.pipeline", "working_grid"),
    ("crop", "tumorseg.pipeline", "to_working"),
    ("crop", "tumorseg.pipeline", "brain_mask"),
    ("crop", "tumorseg.normalise", "bounding_box"),
    ("normalise", "tumorseg.pipeline", "network_input"),
    (NETWORK, "tumorseg.pipeline", "predict"),
    ("labels", "tumorseg.pipeline", "calibrated"),
    ("labels", "tumorseg.pipeline", "_on_reference"),
    ("labels", "tumorseg.pipeline", "labels_of"),
    ("measure", "tumorseg.pipeline", "find_midline"),
    ("measure", "tumorseg.pipeline", "measure_tumor"),
    ("measure", "tumorseg.pipeline", "assess"),
    ("measure", "tumorseg.pipeline", "uncertainty_map"),
    ("write", "tumorseg.segment_command", "_write"),
)
"""Stage, and the functions of the program that belong to it."""


def main(arguments: list[str]) -> dict[str, Any]:
    """``stages`` in CPU-seconds, the ``runtime`` of the network, and its ``floor`` (null on a GPU)."""
    first, imports = _first_run(arguments)
    clock, predictions = StageClock(), []
    with _recorded(predictions), clock.wrapping(FUNCTIONS), clock.running():
        _run(arguments)
    first_use = first - imports - sum(clock.seconds.values())
    given, prediction = predictions[-1]
    return {
        "stages": {"start of Python": STARTED, "imports": imports, "first use": first_use, **clock.seconds},
        "runtime": _runtime(prediction),
        "floor": _floor(given, prediction),
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


@contextmanager
def _recorded(predictions: list[tuple[Any, Any]]) -> Iterator[None]:
    """Keep model and crop of every prediction, and what came of it."""
    from tumorseg import pipeline

    original = pipeline.predict

    def predict(model: Any, crop: Any, *others: Any) -> Any:
        prediction = original(model, crop, *others)
        predictions.append(((model, crop), prediction))
        return prediction

    pipeline.predict = predict
    try:
        yield
    finally:
        pipeline.predict = original


def _runtime(prediction: Any) -> str:
    import torch

    return f"PyTorch {torch.__version__}, float32"


def _floor(given: Any, prediction: Any) -> dict[str, Any] | None:
    """Operations of a prediction, counted by running it once more in torch, and what the machine can do."""
    import torch
    from floor import counted_operations, peak_rate

    from tumorseg.devices import Device
    from tumorseg.predictor import predict

    if prediction.rung.tiles_on != "cpu":
        return None
    os.environ["TUMORSEG_RUNTIME"] = "torch"
    operations = counted_operations(lambda: predict(*given, Device("cpu", "")))
    number_format = "bfloat16" if "bfloat16" in _runtime(prediction) else "float32"
    peak, peak_of = peak_rate(getattr(torch, number_format))
    return {"operations": operations, "number_format": number_format, "peak": peak, "peak_of": peak_of}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(main(sys.argv[2:])))
