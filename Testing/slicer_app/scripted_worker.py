"""A worker process without a network, for the self-tests of the panel: ``python scripted_worker.py SECONDS``.

It speaks the real protocol (docs/worker.md), takes so many seconds for a segmentation, and hears a cancel meanwhile.
With a negative number it dies in the middle of a segmentation.
"""

import json
import os
import queue
import sys
import threading
import time

import numpy as np

REASON = "The CPU is used because this is a test."
DIAMETERS = {"longest_diameter_mm": 3.0, "perpendicular_mm": 2.0}
LINE = [[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]
LESION = {
    "number": 1,
    "volume_ml": {"ET": 1.0, "TC": 1.0, "WT": 1.0},
    **DIAMETERS,
    "product_mm2": 6.0,
    "longest": LINE,
    "perpendicular": LINE,
    "centroid_lps": [1.0, 1.0, 1.0],
    "side": "left",
    "measured": "ET",
    "measurable": False,
}


def send(request: dict, event: str, **values: object) -> None:
    print(json.dumps({**values, "event": event, "id": request.get("id")}), flush=True)


def segment(request: dict, cancelled: set, seconds: float) -> None:
    """Voxels of T1ce above 300 are enhancing tumor."""
    if seconds < 0:
        print("Fatal: out of luck", file=sys.stderr, flush=True)
        os._exit(7)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left = end - time.monotonic()
        send(request, "progress", stage="predict", fraction=1 - left / seconds, seconds_left=left, device="cpu")
        if request["id"] in cancelled:
            send(request, "error", kind="cancelled", problems=["Cancelled; nothing was written."])
            return
        time.sleep(0.02)
    folder = request["folder"]
    array = np.load(folder + "/" + request["volumes"]["t1ce"]["file"])
    np.save(folder + "/labels.npy", (array > 300).astype(np.uint8) * 3)
    np.save(folder + "/uncertainty.npy", (array > 300).astype(np.uint8) * 200)
    with open(folder + "/report.html", "w", encoding="utf-8") as report:
        report.write("<html><body>A report.</body></html>")
    regions = {name: {"volume_ml": 1.0, "components": 1, **DIAMETERS} for name in ("ET", "TC", "WT")}
    send(
        request,
        "result",
        labels="labels.npy",
        uncertainty="uncertainty.npy",
        report="report.html",
        reference="t1ce",
        measurements=regions,
        lesions=[LESION],
        foci=1,
        side="left",
        quality={"score": 0.4, "sentence": "Look at the result with care."},
        provenance={"model": "scripted"},
        findings=[],
        seconds={"predict": seconds},
    )


def listen(requests: queue.Queue, cancelled: set) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["request"] == "cancel":
            cancelled.add(request["id"])
        else:
            requests.put(request)
    requests.put({"request": "shutdown"})


def main(seconds: float) -> None:
    requests: queue.Queue = queue.Queue()
    cancelled: set = set()
    threading.Thread(target=listen, args=(requests, cancelled), daemon=True).start()
    while (request := requests.get())["request"] != "shutdown":
        if request["request"] == "segment":
            segment(request, cancelled, seconds)
        elif request["request"] == "check":
            send(request, "result", findings=[])
        elif request["request"] == "selfcheck":
            send(request, "selfcheck", ok=True, sentence="PyTorch works.", device="cpu")
        else:
            send(request, "status", engine="test", model=None, device="cpu", reason=REASON, torch="2.8", cuda=False)


if __name__ == "__main__":
    main(float(sys.argv[1]))
