"""Writes ``reference_scores.json``: what other implementations score on ``masks.reference_pairs``.

MONAI (Dice, IoU, HD95 between voxels of the edge, NSD at 1 mm), DeepMind's own surface-distance (HD95, NSD at 1 mm) and
BraTS 2023's lesion-wise scores by ``lesionwise_reference``. The tests read the file only; to make it anew:

    pip install --no-deps --target /tmp/reference surface-distance==0.1
    PYTHONPATH=Testing:TumorSegU-Net:/tmp/reference python Testing/support/make_reference_scores.py
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou, compute_surface_dice

from support.lesionwise_reference import published_lesion_scores
from support.masks import reference_pairs
from tumorseg.regions import REGIONS, region_mask
from tumorseg.volume import BoolArray, Triple

REFERENCE_FILE = Path(__file__).parent / "reference_scores.json"
SPACINGS: tuple[Triple, ...] = ((1.0, 1.0, 1.0), (3.0, 0.8, 1.25))


def main() -> None:
    """Compute and write everything."""
    entries = []
    for name, labels in reference_pairs().items():
        for spacing in SPACINGS:
            for region in REGIONS:
                prediction, truth = (region_mask(array, region) for array in labels)
                scores = {
                    "monai": _monai(prediction, truth, spacing),
                    "deepmind": _deepmind(prediction, truth, spacing),
                    "lesionwise": published_lesion_scores(prediction, truth, spacing),
                }
                entries.append({"pair": name, "spacing": spacing, "region": region, **scores})
    made_by = {"monai": version("monai"), "surface-distance": "0.1"}
    REFERENCE_FILE.write_text(json.dumps({"made_by": made_by, "scores": entries}, indent=1) + "\n")


def _monai(prediction: BoolArray, truth: BoolArray, spacing: Triple) -> dict[str, float]:
    pair = [torch.from_numpy(np.ascontiguousarray(mask))[None, None].float() for mask in (prediction, truth)]
    hd95 = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing)
    nsd = compute_surface_dice(*pair, [1.0], include_background=True, spacing=spacing, use_subvoxels=True)
    values = {"dice": compute_dice(*pair), "iou": compute_iou(*pair), "hd95_voxels": hd95, "nsd": nsd}
    return {name: float(value) for name, value in values.items()}


def _deepmind(prediction: BoolArray, truth: BoolArray, spacing: Triple) -> dict[str, float]:
    package = import_module("surface_distance")
    distances = package.compute_surface_distances(truth, prediction, spacing)
    hd95 = package.compute_robust_hausdorff(distances, 95)
    return {"hd95": float(hd95), "nsd": float(package.compute_surface_dice_at_tolerance(distances, 1.0))}


if __name__ == "__main__":
    main()
