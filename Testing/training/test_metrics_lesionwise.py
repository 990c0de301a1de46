"""Lesion-wise scores against the published definition, written out slowly, and on cases with a known answer."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from monai.metrics.utils import get_edge_surface_distance

from support.masks import blobs, box
from tumorseg_training.metrics.lesionwise import lesion_scores

MM = (1.0, 1.0, 1.0)
SHAPE = (26, 28, 60)
LARGE = box(SHAPE, (8, 8, 6), (6, 6, 6))
FAR = box(SHAPE, (8, 8, 40), (5, 5, 5))
SMALL = box(SHAPE, (16, 16, 50), (2, 5, 5))  # 50 voxels
NOTHING = np.zeros(SHAPE, bool)

_NEIGHBOURS = [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)]


def _grown(voxels: set[tuple[int, ...]], shape: tuple[int, ...]) -> set[tuple[int, ...]]:
    """Three steps over faces and edges (18 neighbours), inside the volume."""
    for _ in range(3):
        steps = [step for step in _NEIGHBOURS if sum(map(abs, step)) <= 2]
        moved = {tuple(np.add(voxel, step).tolist()) for voxel in voxels for step in steps}
        voxels = {voxel for voxel in moved if all(0 <= v < size for v, size in zip(voxel, shape, strict=True))}
    return voxels


def _parts(voxels: set[tuple[int, ...]]) -> Iterator[set[tuple[int, ...]]]:
    """26-connected parts."""
    left = set(voxels)
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            voxel = edge.pop()
            part.add(voxel)
            touching = {(voxel[0] + z, voxel[1] + y, voxel[2] + x) for z, y, x in _NEIGHBOURS} & left
            left -= touching
            edge.extend(touching)
        yield part


def _hd95(first: set[tuple[int, ...]], second: set[tuple[int, ...]], shape: tuple[int, ...]) -> float:
    masks = [torch.zeros(shape, dtype=torch.bool) for _ in range(2)]
    for mask, voxels in zip(masks, (first, second), strict=True):
        mask[tuple(torch.tensor(sorted(voxels)).T)] = True
    masks = [torch.nn.functional.pad(mask, (1,) * 6) for mask in masks]
    edges, distances, areas = get_edge_surface_distance(*masks, spacing=MM, use_subvoxels=True, symmetric=True)
    ends = []
    for distance, edge, area in zip(distances, edges, areas, strict=True):
        order = distance.argsort()
        share = area[edge][order].double().cumsum(0) / area[edge].double().sum()
        ends.append(float(distance[order][int((share < 0.95).sum())]))
    return max(ends)


def _published(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """BraTS 2023 for gliomas at 1 mm, set by set."""
    found, true = ({tuple(v) for v in np.argwhere(mask).tolist()} for mask in (prediction, truth))
    parts, used = list(_parts(found)), set()
    dices, distances, missed = [], [], 0
    for grown in _parts(_grown(true, truth.shape)):
        lesion = grown & true
        reach = _grown(lesion, truth.shape)
        near = [number for number, part in enumerate(parts) if part & reach]
        used |= set(near)
        if len(lesion) <= 50:
            continue
        matched = set().union(*(parts[number] for number in near))
        missed += not near
        dices.append(2 * len(matched & lesion) / (len(matched) + len(lesion)))
        distances.append(_hd95(matched, lesion, truth.shape) if matched else 374.0)
    false = len(parts) - len(used)
    count = len(dices) + false
    return {
        "lesion_dice": sum(dices) / count if count else 1.0,
        "lesion_hd95": (sum(distances) + 374.0 * false) / count if count else 0.0,
        "lesions_true": len(dices),
        "lesions_missed": missed,
        "lesions_false": false,
    }


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_published_definition(seed: int) -> None:
    shape = (14, 16, 30)
    truth, prediction = blobs(seed, shape, 0.04), blobs(seed, shape, 0.03) ^ blobs(seed + 50, shape, 0.02)
    expected = _published(prediction, truth)
    assert lesion_scores(prediction, truth, MM) == pytest.approx(expected)
    assert expected["lesions_false"] > 0


def _scores(prediction: np.ndarray, truth: np.ndarray) -> list[float]:
    return list(lesion_scores(prediction, truth, MM).values())


def test_known_cases() -> None:
    """Dice, HD95, lesions, missed, false."""
    assert _scores(NOTHING, NOTHING) == [1, 0, 0, 0, 0]
    assert _scores(LARGE, LARGE) == [1, 0, 1, 0, 0]
    assert _scores(NOTHING, LARGE) == [0, 374, 1, 1, 0]
    assert _scores(LARGE, NOTHING) == [0, 374, 0, 0, 1]
    assert _scores(LARGE, LARGE | FAR) == [0.5, 187, 2, 1, 0]
    assert _scores(LARGE | FAR, LARGE) == [0.5, 187, 1, 0, 1]


def test_small_lesions_neither_count_nor_make_what_finds_them_false() -> None:
    assert _scores(LARGE, LARGE | SMALL) == [1, 0, 1, 0, 0]
    assert _scores(LARGE | SMALL, LARGE | SMALL) == [1, 0, 1, 0, 0]
    assert _scores(SMALL, SMALL) == [1, 0, 0, 0, 0]
    assert lesion_scores(SMALL, SMALL, (1.1, 1.0, 1.0))["lesions_true"] == 1  # 55 mm³


def test_a_false_part_of_one_voxel_costs_as_much_as_a_large_one() -> None:
    voxel = box(SHAPE, (20, 20, 50), (1, 1, 1))
    assert _scores(LARGE | voxel, LARGE) == [0.5, 187, 1, 0, 1]


def test_lesions_within_the_growth_are_one() -> None:
    near = np.roll(LARGE, 6 + 6, axis=2)  # six voxels between them
    assert lesion_scores(NOTHING, LARGE | near, MM)["lesions_true"] == 1
    assert lesion_scores(NOTHING, LARGE | np.roll(near, 2, axis=2), MM)["lesions_true"] == 2


def test_parts_near_a_lesion_belong_to_it_even_without_overlap() -> None:
    beside = np.roll(LARGE, 6 + 2, axis=2)  # two voxels between them
    dice, hd95, *counts = _scores(beside, LARGE)
    assert (dice, counts) == (0, [1, 0, 0])
    assert 0 < hd95 < 10
