"""The published definition of BraTS 2023's lesion-wise scores, written out slowly: a reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from monai.metrics.utils import get_edge_surface_distance

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


def _hd95(
    first: set[tuple[int, ...]], second: set[tuple[int, ...]], shape: tuple[int, ...], spacing: tuple[float, ...]
) -> float:
    masks = [torch.zeros(shape, dtype=torch.bool) for _ in range(2)]
    for mask, voxels in zip(masks, (first, second), strict=True):
        mask[tuple(torch.tensor(sorted(voxels)).T)] = True
    masks = [torch.nn.functional.pad(mask, (1,) * 6) for mask in masks]
    edges, distances, areas = get_edge_surface_distance(*masks, spacing=spacing, use_subvoxels=True, symmetric=True)
    ends = []
    for distance, edge, area in zip(distances, edges, areas, strict=True):
        order = distance.argsort()
        share = area[edge][order].double().cumsum(0) / area[edge].double().sum()
        ends.append(float(distance[order][int((share < 0.95).sum())]))
    return max(ends)


def published_lesion_scores(
    prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, float, float]
) -> dict[str, float]:
    """BraTS 2023 for gliomas, set by set, of two masks (z, y, x) with voxel sizes in mm."""
    found, true = ({tuple(v) for v in np.argwhere(mask).tolist()} for mask in (prediction, truth))
    parts, used = list(_parts(found)), set()
    dices, distances, missed = [], [], 0
    for grown in _parts(_grown(true, truth.shape)):
        lesion = grown & true
        reach = _grown(lesion, truth.shape)
        near = [number for number, part in enumerate(parts) if part & reach]
        used |= set(near)
        if len(lesion) * np.prod(spacing) <= 50:
            continue
        matched = set().union(*(parts[number] for number in near))
        missed += not near
        dices.append(2 * len(matched & lesion) / (len(matched) + len(lesion)))
        distances.append(_hd95(matched, lesion, truth.shape, spacing) if matched else 374.0)
    false = len(parts) - len(used)
    count = len(dices) + false
    return {
        "lesion_dice": sum(dices) / count if count else 1.0,
        "lesion_hd95": (sum(distances) + 374.0 * false) / count if count else 0.0,
        "lesions_true": len(dices),
        "lesions_missed": missed,
        "lesions_false": false,
    }
