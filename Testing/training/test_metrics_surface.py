"""HD95 and NSD: known bodies, every rule for empty masks, parity with MONAI and with the definition by brute force."""

import itertools

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from monai.metrics.utils import get_edge_surface_distance
from scipy.spatial.distance import cdist

from support.masks import blobs, box
from tumorseg_training.metrics.surface import surface_distances, surface_of, surface_scores

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.8, 1.25)]
CUBE = box((16, 16, 16), (4, 4, 4), (5, 6, 7))


def _brute_force(prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    """The published definition, element by element; areas from MONAI's edges, distances from all pairs."""
    tensors = [torch.from_numpy(np.pad(mask, 1)) for mask in (prediction, truth)]
    (edges, _, areas) = get_edge_surface_distance(*tensors, spacing=spacing, use_subvoxels=True, symmetric=True)
    points = [np.argwhere(edge.numpy()) * spacing for edge in edges]
    pairs = cdist(*points)
    weights = [area[edge].numpy().astype(float) for area, edge in zip(areas, edges, strict=True)]
    percentiles, near, total = [], 0.0, 0.0
    for distances, weight in ((pairs.min(axis=1), weights[0]), (pairs.min(axis=0), weights[1])):
        ranked = sorted(zip(distances.tolist(), weight.tolist(), strict=True))
        passed = itertools.accumulate(area for _, area in ranked)
        percentiles.append(next(d for (d, _), sum_ in zip(ranked, passed, strict=True) if sum_ >= 0.95 * weight.sum()))
        near += sum(area for distance, area in ranked if distance <= 1)
        total += weight.sum()
    return {"hd95": max(percentiles), "nsd": near / total}


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_published_definition(seed: int, spacing: tuple[float, float, float]) -> None:
    prediction, truth = blobs(seed), blobs(seed + 10, share=0.2)
    assert surface_scores(prediction, truth, spacing) == pytest.approx(_brute_force(prediction, truth, spacing))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_nsd_equals_monai(spacing: tuple[float, float, float]) -> None:
    prediction, truth = blobs(3), blobs(4)
    tensors = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
    expected = compute_surface_dice(*tensors, [1.0], include_background=True, spacing=spacing, use_subvoxels=True)
    assert surface_scores(prediction, truth, spacing)["nsd"] == pytest.approx(float(expected))


@pytest.mark.parametrize("shift", [(0, 0, 3), (2, 0, 0), (0, 4, 0)])
def test_hausdorff_of_a_shifted_body_equals_monai(shift: tuple[int, int, int]) -> None:
    """Both definitions of a surface give the whole shift here; in general they differ by up to a voxel."""
    moved, spacing = np.roll(CUBE, shift, (0, 1, 2)), (2.0, 1.0, 0.5)
    tensors = [torch.from_numpy(mask)[None, None].float() for mask in (moved, CUBE)]
    expected = float(compute_hausdorff_distance(*tensors, include_background=True, spacing=spacing))
    assert expected == float(np.abs(np.multiply(shift, spacing)).sum())
    assert surface_distances(moved, CUBE, spacing).hausdorff(100) == pytest.approx(expected)


def test_values_computed_by_hand() -> None:
    """Two plates of 20 x 20 x 2 voxels, one of them a voxel further: faces of 800 mm² each are 1 or 2 mm apart."""
    plate = box((10, 30, 30), (3, 5, 5), (2, 20, 20))
    moved = np.roll(plate, 1, axis=0)
    assert surface_scores(moved, plate, (1.0, 1.0, 1.0)) == {"hd95": 1.0, "nsd": 1.0}
    assert surface_scores(moved, plate, (2.0, 1.0, 1.0))["hd95"] == 2.0
    assert surface_scores(moved, plate, (2.0, 1.0, 1.0))["nsd"] < 0.4


def test_the_area_of_a_ball() -> None:
    axes = np.meshgrid(*[np.arange(33) - 16.0] * 3, indexing="ij")
    ball = sum(axis**2 for axis in axes) <= 14**2
    # Marching cubes of voxels is a staircase with cut corners, some 9 % larger than the ball.
    assert surface_of(ball, (1.0, 1.0, 1.0)).areas.sum() == pytest.approx(4 * np.pi * 14**2, rel=0.1)
    assert surface_of(ball, (2.0, 2.0, 2.0)).areas.sum() == pytest.approx(4 * np.pi * 28**2, rel=0.1)


def test_empty_masks() -> None:
    nothing = np.zeros_like(CUBE)
    assert surface_scores(nothing, nothing, SPACINGS[1]) == {"hd95": 0.0, "nsd": 1.0}
    for masks in ((CUBE, nothing), (nothing, CUBE)):
        assert surface_scores(*masks, SPACINGS[1]) == {"hd95": 373.12866, "nsd": 0.0}


@pytest.mark.parametrize("seed", range(3))
def test_symmetry_scale_and_translation(seed: int) -> None:
    first, second = (np.pad(blobs(seed + number), 4) for number in (0, 20))
    scores = surface_scores(first, second, SPACINGS[1])
    assert surface_scores(second, first, SPACINGS[1]) == pytest.approx(scores)
    doubled = tuple(2 * size for size in SPACINGS[1])
    assert surface_scores(first, second, doubled)["hd95"] == pytest.approx(2 * scores["hd95"])
    shifted = [np.roll(mask, (3, -2, 1), (0, 1, 2)) for mask in (first, second)]
    assert surface_scores(*shifted, SPACINGS[1]) == pytest.approx(scores)
    assert surface_scores(first, first, SPACINGS[1]) == {"hd95": 0.0, "nsd": 1.0}


def test_a_body_at_the_border_of_the_volume_is_closed() -> None:
    corner = box((8, 8, 8), (0, 0, 0), (3, 3, 3))
    inside = surface_of(np.pad(corner, 2), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(np.sort(surface_of(corner, (1.0, 1.0, 1.0)).areas), np.sort(inside.areas))
