"""How well heads that moved between sequences are registered, what it costs, and what it does to the segmentation.

    PYTHONPATH=Testing python Testing/benchmarks/registration.py --data ../shared/data/brats2021 [--model MODEL]

T1, T2 and FLAIR of every case below DATA are turned and moved by up to 8 degrees and 8 mm along each axis and scanned
again in thick slices, each along another axis; the T1ce stays. Dice is that of the whole tumor (WT) and core (TC) with
the experts' labels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from report_parts import table

from support.moved import moved
from tumorseg.case_files import find_case, find_case_folders, read_case
from tumorseg.images import read_labels
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, segment
from tumorseg.regions import region_mask
from tumorseg.registration import Motion, no_motion, rigid_motion
from tumorseg.sequences import Case
from tumorseg.volume import LabelArray, Triple, Volume

SPACINGS: dict[str, Triple] = {"t1": (1.0, 1.0, 5.0), "t2": (0.5, 0.5, 4.0), "flair": (1.0, 5.0, 1.0)}
LARGEST = 8.0
"""Degrees and mm along each axis."""

STRIDE = 211
"""Every so many voxels of the brain are looked at; a prime."""


def main(arguments: list[str] | None = None) -> int:
    """Move, register, segment, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="real cases with labels")
    parser.add_argument("--model", help="name of a model, or a .safetensors file")
    options = parser.parse_args(arguments)
    model = load_model(find_model(options.model))
    errors, scores = [], []
    for number, folder in enumerate(find_case_folders(options.data)):
        case = read_case(find_case(folder))
        scanned, motions = _scan_again(case, np.random.default_rng(number))
        errors += [(folder.name, *row) for row in _registered(case, scanned, motions)]
        (truth,) = folder.glob("*_seg.nii.gz")
        scores.append((folder.name, *_scores(case, scanned, read_labels(truth)[0], model)))
    print(table(("case", "sequence", "before, mm", "after, mm", "CPU-s"), errors))
    print(table(("case", "as it was: WT", "TC", "registered: WT", "TC", "by the headers: WT", "TC"), scores))
    means = np.array([[float(value) for value in row[1:]] for row in scores]).mean(axis=0)
    print("mean", *(f"{mean:.3f}" for mean in means))
    print("mean error", f"{np.mean([float(row[3]) for row in errors]):.2f} mm,", _seconds(errors), "CPU-s each")
    return 0


def _scan_again(case: Case, random: np.random.Generator) -> tuple[Case, dict[str, sitk.Euler3DTransform]]:
    scanned, motions = dict(case), {}
    for sequence, spacing in SPACINGS.items():
        turn, shift = random.uniform(-LARGEST, LARGEST, (2, 3))
        scanned[sequence], motions[sequence] = moved(case[sequence], turn, shift, spacing=spacing)
    return scanned, motions


def _registered(
    case: Case, scanned: Case, motions: dict[str, sitk.Euler3DTransform]
) -> Iterator[tuple[str, str, str, str]]:
    for sequence, motion in motions.items():
        started = time.process_time()
        found = rigid_motion(case["t1ce"], scanned[sequence], lambda fraction: None)
        seconds = time.process_time() - started
        before, after = (_error_mm(guess, motion, case["t1ce"]) for guess in (no_motion(), found))
        yield sequence, f"{before:.1f}", f"{after:.2f}", f"{seconds:.2f}"


def _error_mm(found: Motion, motion: sitk.Euler3DTransform, brain: Volume) -> float:
    """Mean distance (mm) between where the found and the true motion bring the brain."""
    index = np.argwhere(brain.array != 0)[::STRIDE, ::-1]
    places = np.column_stack([index, np.ones(len(index))]) @ brain.geometry.index_to_lps.T
    truth = np.array([motion.TransformPoint(place[:3].tolist()) for place in places])
    return float(np.linalg.norm((places @ found.matrix.T)[:, :3] - truth, axis=1).mean())


def _scores(case: Case, scanned: Case, truth: LabelArray, model: Model) -> list[str]:
    labels = np.where(truth == 4, 3, truth).astype(np.uint8)
    ways = ((case, True), (scanned, True), (scanned, False))
    found = [segment(volumes, model, Options(register=register)).labels for volumes, register in ways]
    return [f"{_dice(result, labels, region):.3f}" for result in found for region in ("WT", "TC")]


def _dice(found: LabelArray, truth: LabelArray, region: str) -> float:
    one, two = region_mask(found, region), region_mask(truth, region)
    return float(2 * (one & two).sum() / max(1, one.sum() + two.sum()))


def _seconds(errors: list[tuple[str, ...]]) -> str:
    return f"{np.mean([float(row[4]) for row in errors]):.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
