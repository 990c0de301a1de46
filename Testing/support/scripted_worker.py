"""A worker process that follows a script instead of running a network; speaks the real protocol.

Usage: ``python scripted_worker.py SCENARIO``. Run as a child process by the tests of the worker client and the logic.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def send(event: str, **values: object) -> None:
    print(json.dumps({"event": event, "id": "1", **values}), flush=True)


def progress(fraction: float) -> None:
    send("progress", stage="predict", fraction=fraction, seconds_left=2.0 * (1 - fraction), device="cpu")


def next_request() -> dict:
    line = sys.stdin.readline()
    return json.loads(line) if line else {"request": "shutdown"}


def segment(request: dict) -> None:
    """Voxels of T1ce above 100 are edema, above 130 enhancing."""
    folder = Path(request["folder"])
    entry = request["volumes"]["t1ce"]
    array = np.load(folder / entry["file"], mmap_mode="r")
    assert array.dtype == np.float32
    labels = np.where(array > 130, 3, np.where(array > 100, 2, 0)).astype(np.uint8)
    np.save(folder / "labels.npy", labels)
    whole = {"volume_ml": 12.5, "components": 1, "longest_diameter_mm": 30.0, "perpendicular_mm": 20.0}
    send(
        "result",
        labels="labels.npy",
        reference="t1ce",
        provenance={"software": "TumorSegU-Net 0.1.0", "model": "scripted 1.0", "input_t1ce": entry["name"]},
        measurements={"ED": {**whole, "volume_ml": 10.0}, "ET": {**whole, "volume_ml": 2.5}, "WT": whole},
        findings=[{"code": "x", "severity": "warning", "volumes": ["t1"], "message": "T1 is dark.", "remedy": "Look."}],
        seconds={"predict": 0.1},
    )


def serve_segment() -> None:
    request = next_request()
    progress(0.25)
    progress(0.75)
    segment(request)
    next_request()


def serve_garbage() -> None:
    print("Intel MKL WARNING: not JSON", flush=True)
    print('{"half": ', flush=True)
    print("[1, 2]", flush=True)
    sys.stdout.buffer.write(b"\xff\xfe broken bytes\n")
    sys.stderr.buffer.write(b"latin-1: gr\xfc\xdfe\n")
    sys.stderr.flush()
    serve_segment()


def serve_error() -> None:
    next_request()
    print("Traceback: somewhere", file=sys.stderr, flush=True)
    send("error", kind="bad-input", problems=["T1 and T2 differ.", "FLAIR is constant."], findings=[])
    next_request()


def serve_damaged_result() -> None:
    request = next_request()
    Path(request["folder"], "labels.npy").write_bytes(b"not an array")
    send("result", labels="labels.npy", reference="t1ce")
    next_request()


def serve_until_cancel() -> None:
    next_request()
    progress(0.1)
    while next_request()["request"] != "cancel":
        pass
    send("error", kind="cancelled", problems=["Cancelled; nothing was written."])
    next_request()


def serve_death() -> None:
    next_request()
    progress(0.5)
    print("Fatal: out of luck", file=sys.stderr, flush=True)
    os._exit(7)


def serve_launcher() -> None:
    """Slicer's launcher: starts the real process and turns its death by a signal into exit code 1 and some words."""
    next_request()
    real = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    real.kill()
    real.wait()
    print("error: [/slicer/bin/python-real] exit abnormally - Report the problem.", file=sys.stderr, flush=True)
    os._exit(1)


def serve_launcher_after_traceback() -> None:
    next_request()
    print("Traceback (most recent call last):\nNameError: x", file=sys.stderr, flush=True)
    print("error: [/slicer/bin/python-real] exit abnormally - Report the problem.", file=sys.stderr, flush=True)
    os._exit(1)


def serve_stubborn() -> None:
    """Has a child of its own, says both process ids and never listens again."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    send("status", processes=[os.getpid(), child.pid])
    progress(0.5)
    time.sleep(600)


if __name__ == "__main__":
    globals()[f"serve_{sys.argv[1]}"]()
