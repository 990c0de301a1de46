"""A small result for the panel's tests, made of real nodes as after a real run."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from tumorseg.volume import Geometry
from TumorSegUNetLib.result import Origin, outcomeMaker
from TumorSegUNetLib.run import Outcome
from TumorSegUNetLib.run_files import RunFiles

DIAMETERS = {"longest_diameter_mm": 2.0, "perpendicular_mm": 1.0}
LINE = [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
CAUTION = "Look at the result with care: the network was unsure."
REPORT = "<html><body>A report.</body></html>"


def event(lesions: int) -> dict[str, Any]:
    """What the worker tells of a tumor of so many lesions."""
    parts = {"ET": 1.0, "TC": 1.0, "WT": 1.0}
    lesion = {**DIAMETERS, "volume_ml": parts, "longest": LINE, "perpendicular": LINE, "centroid_lps": [1.0, 1.0, 1.0]}
    return {
        "event": "result",
        "labels": "labels.npy",
        "uncertainty": "uncertainty.npy",
        "report": "report.html",
        "reference": "t1ce",
        "measurements": {name: {"volume_ml": 1.0, "components": 1, **DIAMETERS} for name in parts},
        "lesions": [
            {**lesion, "number": number + 1, "side": "left", "measured": "ET", "measurable": False, "product_mm2": 2.0}
            for number in range(lesions)
        ],
        "foci": lesions,
        "side": "left",
        "quality": {"score": 0.4, "sentence": CAUTION, "reasons": []},
        "provenance": {"model": "scripted 1.0"},
        "seconds": {"predict": 3.0},
    }


def outcome(scene: slicer.vtkMRMLScene, inputs: dict[str, Any], geometry: Geometry, lesions: int = 1) -> Outcome:
    """The nodes of a result, in the scene."""
    files = RunFiles()
    labels = np.zeros(geometry.shape, np.uint8)
    labels[1:3, 1:3, 1:3] = 3
    np.save(files.folder / "labels.npy", labels)
    np.save(files.folder / "uncertainty.npy", labels * 60)
    (files.folder / "report.html").write_text(REPORT, encoding="utf-8")
    made = outcomeMaker(Origin(scene, inputs, dict.fromkeys(inputs, geometry)))(files, event(lesions))
    files.remove()
    return made
