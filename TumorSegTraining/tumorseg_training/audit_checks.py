"""What the audit looks at in one case, beyond what the engine's guard checks before every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.finding import Finding
from tumorseg.grids import working_grid
from tumorseg.normalise import brain_mask
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg.volume import Geometry, LabelArray, Volume
from tumorseg_training.contrast import Tissues, exchanged
from tumorseg_training.labelled_case import LabelledCase

OUTSIDE_SHARE = 0.001
"""Part of the labelled voxels that may lie outside the brain: masks and labels were made by different programs."""


def read_volumes(case: LabelledCase, findings: list[Finding]) -> dict[str, Volume]:
    """Every sequence that can be read; a finding for each that cannot."""
    volumes = {}
    for sequence, source in case.images.items():
        try:
            volumes[sequence] = source.read_volume()
        except BadInputError as error:
            findings += unreadable(error, sequence)
    return volumes


def unreadable(error: BadInputError, sequence: str) -> list[Finding]:
    """Findings from the sentences of a reader, which say what to do."""
    return [Finding("unreadable", "blocking", (sequence,), problem, "") for problem in error.problems]


def check_grid(geometry: Geometry, volumes: Mapping[str, Volume]) -> Iterator[Finding]:
    """Volumes that lie on another grid than the labels."""
    for sequence, volume in volumes.items():
        if difference := geometry.differences(volume.geometry):
            message = (
                f"{DISPLAY_NAMES[sequence]} does not lie on the grid of the segmentation: {', '.join(difference)}."
            )
            yield Finding("labels-grid", "blocking", (sequence,), message, "Export or download the case again.")


def check_voxels(geometry: Geometry) -> Iterator[Finding]:
    """Voxels of another size than the cache holds."""
    if working_grid(geometry, (1.0, 1.0, 1.0)).resampled:
        size = " x ".join(f"{length:.3g}" for length in geometry.spacing)
        message = f"The voxels are {size} mm; training cases have voxels of 1 mm, as BraTS publishes them."
        yield Finding("voxel-size", "blocking", ("seg",), message, "Resample the volumes and the segmentation to 1 mm.")


def check_labels(labels: LabelArray) -> Iterator[Finding]:
    """What is odd about engine labels (z, y, x) by themselves."""
    if not labels.any():
        yield Finding("no-tumor", "warning", ("seg",), "The segmentation has no tumor.", "Check that this is right.")


def check_outside(labels: LabelArray, volumes: Mapping[str, Volume]) -> Iterator[Finding]:
    """Labels where all volumes are background; arrays of one shape."""
    outside = np.count_nonzero((labels != 0) & ~brain_mask([volume.array for volume in volumes.values()]))
    if outside > OUTSIDE_SHARE * np.count_nonzero(labels):
        message = f"{outside} labelled {'voxels lie' if outside > 1 else 'voxel lies'} outside the brain."
        yield Finding("labels-outside", "warning", ("seg",), message, "Check that segmentation and volumes belong.")


def check_contrasts(labels: LabelArray, volumes: Mapping[str, Volume]) -> Iterator[Finding]:
    """Volumes that are not the sequences they are called; arrays of one shape."""
    contrast = exchanged(Tissues({sequence: volume.array for sequence, volume in volumes.items()}, labels))
    if contrast is not None:
        brighter, darker = DISPLAY_NAMES[contrast.brighter], DISPLAY_NAMES[contrast.darker]
        message = (
            f"{brighter} and {darker} may be exchanged or misnamed: {contrast.where} {brighter} should be the "
            f"brighter one, but is darker by {-contrast.difference:.1f} standard deviations."
        )
        concerned = (contrast.brighter, contrast.darker)
        yield Finding("wrong-sequence", "warning", concerned, message, "Look at both volumes.")


def same_shape(geometry: Geometry, volumes: Iterable[Volume]) -> bool:
    """Whether arrays can be compared voxel by voxel."""
    return all(volume.array.shape == geometry.shape for volume in volumes)
