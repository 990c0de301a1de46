"""A worker process that follows a script instead of running a network; speaks the real protocol.

Usage: ``python scripted_worker.py SCENARIO``. Run as a child process by the tests of the worker client and the logic.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STAGES = ("load", "check", "prepare", "predict", "finish")
"""Of the engine's worker."""

current: dict = {}
"""The request that is being answered."""


def send(event: str, **values: object) -> None:
    print(json.dumps({"id": current.get("id", "1"), "event": event, **values}), flush=True)


def progress(fraction: float, stage: str = "predict") -> None:
    send("progress", stage=stage, fraction=fraction, seconds_left=2.0 * (1 - fraction), device="cpu")


def next_request() -> dict:
    line = sys.stdin.readline()
    request = json.loads(line) if line else {"request": "shutdown"}
    if request["request"] not in ("cancel", "shutdown"):
        current.clear()
        current.update(request)
    return request


def segment(request: dict) -> None:
    """Voxels of T1ce above 100 are edema, above 130 enhancing; one lesion with diameters along x and y."""
    folder = Path(request["folder"])
    entry = request["volumes"]["t1ce"]
    array = np.load(folder / entry["file"], mmap_mode="r")
    labels = np.where(array > 130, 3, np.where(array > 100, 2, 0)).astype(np.uint8)
    np.save(folder / "labels.npy", labels)
    np.save(folder / "uncertainty.npy", np.where(labels > 0, 51, 0).astype(np.uint8))
    (folder / "report.html").write_text(f"<html>Report of {request.get('case')}</html>", encoding="utf-8")
    whole = {"volume_ml": 12.5, "components": 1, "longest_diameter_mm": 30.0, "perpendicular_mm": 20.0}
    send(
        "result",
        labels="labels.npy",
        uncertainty="uncertainty.npy",
        report="report.html",
        reference="t1ce",
        provenance={"software": "TumorSegU-Net 0.1.0", "model": "scripted 1.0", "input_t1ce": entry["name"]},
        measurements={"ED": {**whole, "volume_ml": 10.0}, "ET": {**whole, "volume_ml": 2.5}, "WT": whole},
        lesions=[LESION],
        foci=1,
        side="left",
        quality={"score": 0.8, "sentence": "Look at this result with care: it is scripted.", "reasons": ["scripted"]},
        findings=[{"code": "x", "severity": "warning", "volumes": ["t1"], "message": "T1 is dark.", "remedy": "Look."}],
        seconds={"predict": 0.1},
    )


LESION = {
    "number": 1,
    "volume_ml": {"ED": 10.0, "ET": 2.5, "WT": 12.5},
    "measured": "ET",
    "longest": [[10.0, 20.0, 30.0], [40.0, 20.0, 30.0]],
    "perpendicular": [[25.0, 10.0, 30.0], [25.0, 30.0, 30.0]],
    "longest_diameter_mm": 30.0,
    "perpendicular_mm": 20.0,
    "product_mm2": 600.0,
    "measurable": True,
    "centroid_lps": [25.0, 20.0, 30.0],
    "side": "left",
}


def serve_segment() -> None:
    """Answers any number of requests and says with which process."""
    while (request := next_request())["request"] != "shutdown":
        if request["request"] == "segment":
            progress(0.25)
            progress(0.75)
            segment(request)
        elif request["request"] == "check":
            send("result", findings=[{"code": "y", "severity": "blocking", "volumes": [], "message": "", "remedy": ""}])
        elif request["request"] != "cancel":
            send("status", engine="scripted", reason="The CPU is used: it is a script.", process=os.getpid())


def serve_garbage() -> None:
    print("Intel MKL WARNING: not JSON", flush=True)
    print('{"half": ', flush=True)
    print("[1, 2]", flush=True)
    sys.stdout.buffer.write(b"\xff\xfe broken bytes\n")
    sys.stderr.buffer.write(b"latin-1: gr\xfc\xdfe\n")
    sys.stderr.flush()
    serve_segment()


def serve_strange_events() -> None:
    """Events that only look like ones, before the true answer."""
    request = next_request()
    for line in (
        {"event": "progress", "id": request["id"]},
        {"event": "progress", "id": request["id"], "stage": "predict", "fraction": "much"},
        {"event": "result", "id": "of nobody", "labels": "labels.npy"},
        {"event": "result"},
        {"event": ["list"], "id": {"a": 1}},
        {"event": "error", "id": None, "kind": "bad-input", "problems": ["The line cannot be read."]},
    ):
        print(json.dumps(line), flush=True)
    segment(request)
    next_request()


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


def serve_damaged_uncertainty() -> None:
    """Labels are fine, what comes after them is not."""
    request = next_request()
    shape = np.load(Path(request["folder"]) / request["volumes"]["t1ce"]["file"]).shape
    np.save(Path(request["folder"]) / "labels.npy", np.full(shape, 2, np.uint8))
    np.save(Path(request["folder"]) / "uncertainty.npy", np.zeros((1, 2, 3), np.uint8))
    send("result", labels="labels.npy", uncertainty="uncertainty.npy", reference="t1ce", lesions=[LESION])
    next_request()


def serve_until_cancel() -> None:
    """Works until it is cancelled, then serves on."""
    next_request()
    progress(0.1)
    while next_request()["request"] != "cancel":
        pass
    send("error", kind="cancelled", problems=["Cancelled; nothing was written."])
    serve_segment()


def first_life(request: dict) -> bool:
    """Whether this is the first process of a test; told by a file in its temporary folder."""
    mark = Path(request["folder"]).parent / "was-here"
    if mark.exists():
        return False
    mark.touch()
    return True


def serve_killed_in_stage_once() -> None:
    """Ends like ``kill -9`` in the stage that TUMORSEG_TEST_STAGE names (empty: before the first); works next time."""
    wanted = os.environ["TUMORSEG_TEST_STAGE"]
    request = next_request()
    if first_life(request):
        for stage in STAGES[: STAGES.index(wanted) + 1] if wanted else ():
            progress(0.0, stage)
        os.kill(os.getpid(), signal.SIGKILL)
    segment(request)
    serve_segment()


def serve_death_once() -> None:
    request = next_request()
    if first_life(request):
        print("Fatal: out of luck", file=sys.stderr, flush=True)
        os._exit(7)
    segment(request)
    serve_segment()


def serve_deaf_once() -> None:
    request = next_request()
    if first_life(request):
        progress(0.5)
        time.sleep(600)
    segment(request)
    serve_segment()


def serve_mute() -> None:
    """Closes its pipe and lives on."""
    next_request()
    os.close(1)
    time.sleep(600)


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
    next_request()
    serve_stubborn_at_once()


def serve_stubborn_at_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note = os.environ.get("TUMORSEG_TEST_NOTE")
    if note:
        Path(note).write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
    send("status", id="0", processes=[os.getpid(), child.pid])
    progress(0.5)
    time.sleep(600)


if __name__ == "__main__":
    globals()[f"serve_{sys.argv[1]}"]()
