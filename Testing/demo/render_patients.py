"""Draws docs/images/synthetic-patients.png: one axial slice of several synthetic patients, all sequences and labels."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.phantom import Patient, make_patient
from tumorseg.regions import SEGMENTS
from tumorseg.sequences import SEQUENCES

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (3, 4, 7, 14, 16, 40)
CROP = (slice(8, 232), slice(28, 212))
"""Rows and columns (y, x) that hold the brain."""

Picture = npt.NDArray[np.uint8]


def main() -> None:
    """Write the picture: a column per patient; T1, T1ce, T2, FLAIR and FLAIR with labels below each other."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "synthetic-patients.png")
    output = parser.parse_args().output
    picture = np.concatenate([_column(make_patient(seed)) for seed in SEEDS], axis=1)
    sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), output)
    print(f"Written to {output}")


def _column(patient: Patient) -> Picture:
    """Slices of one patient, (rows, columns, RGB), at the height with most tumor core."""
    core = np.isin(patient.labels, (1, 3)).sum(axis=(1, 2))
    height = int(core.argmax())
    slices = [_gray(patient.images[name][height][CROP]) for name in SEQUENCES]
    return np.concatenate([*slices, _tinted(slices[-1], patient.labels[height][CROP])])


def _gray(values: npt.NDArray[np.float32]) -> Picture:
    brightest = np.percentile(values[values > 0], 99.5)
    gray = np.clip(values / brightest * 255, 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def _tinted(gray: Picture, labels: npt.NDArray[np.uint8]) -> Picture:
    tinted = gray.copy()
    for label, segment in SEGMENTS.items():
        inside = labels == label
        tinted[inside] = 0.5 * gray[inside] + 127 * np.array(segment.color)
    return tinted


if __name__ == "__main__":
    main()
