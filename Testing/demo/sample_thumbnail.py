"""Draws the thumbnail of the sample patient: T1ce with the true labels laid over it."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from tumorseg.phantom import Patient, make_patient
from tumorseg.regions import SEGMENTS

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "TumorSegU-Net" / "Resources" / "SampleData" / "TumorSegUNetSyntheticPatient.png"
SEED = 7  # as TumorSegUNetLib.sample_maker
SIZE = (260, 280)
"""Width and height in pixels: what the module Sample Data shows."""

SHARE_OF_LABELS = 0.45

Picture = npt.NDArray[np.uint8]


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(thumbnail(make_patient(SEED)), isVector=True), str(output))
    print(f"Written to {output}")


def thumbnail(patient: Patient) -> Picture:
    """T1ce at the height with most tumor core, with the labels; (rows, columns, RGB)."""
    height = int(np.isin(patient.labels, (1, 3)).sum(axis=(1, 2)).argmax())
    window = _window(patient.tissues[height] > 0)
    gray = _resized(_gray(patient.images["t1ce"][height])[window], order=1)
    labels = _resized(patient.labels[height][window].astype(np.float32), order=0)
    picture = np.repeat(gray[..., None], 3, axis=2)
    for label, segment in SEGMENTS.items():
        color = 255 * np.array(segment.color)
        inside = labels == label
        picture[inside] = (1 - SHARE_OF_LABELS) * picture[inside] + SHARE_OF_LABELS * color
        picture[inside & ~ndimage.binary_erosion(inside)] = color
    return np.rint(picture).astype(np.uint8)


def _window(brain: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns around the brain, in the proportions of the picture."""
    rows, columns = ndimage.find_objects(brain.astype(int))[0]
    height = max(rows.stop - rows.start, (columns.stop - columns.start) * SIZE[1] / SIZE[0]) * 1.08
    middle = ((rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2)
    half = (height / 2, height / 2 * SIZE[0] / SIZE[1])
    top, left = (max(0, round(m - h)) for m, h in zip(middle, half, strict=True))
    return slice(top, round(middle[0] + half[0])), slice(left, round(middle[1] + half[1]))


def _gray(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.clip(values / np.percentile(values[values > 0], 99.7) * 255, 0, 255)


def _resized(values: npt.NDArray[np.float32], order: int) -> npt.NDArray[np.float32]:
    factors = (SIZE[1] / values.shape[0], SIZE[0] / values.shape[1])
    return np.asarray(ndimage.zoom(values, factors, order=order))


if __name__ == "__main__":
    main()
