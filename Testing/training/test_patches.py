"""Random patches: repeatable, aligned with their labels, foreground oversampled, groups drawn equally often."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tumorseg_training.cache import CachedCase
from tumorseg_training.patches import PatchDataset
from tumorseg_training.recipe import Recipe, load_recipe


@pytest.fixture
def recipe() -> Recipe:
    return replace(load_recipe("tiny"), patch_size=(8, 8, 8), batch_size=1, steps=200, intensity=0.0)


def _case(folder: Path, name: str, labels: np.ndarray) -> CachedCase:
    """A case whose first channel shows the labels and whose others count the voxels."""
    images = np.stack([labels, *[np.arange(labels.size).reshape(labels.shape) % 100 + 1] * 3])
    np.save(folder / f"{name}.npy", images.astype(np.float16))
    np.save(folder / f"{name}.seg.npy", labels)
    return CachedCase(name, folder / f"{name}.npy", folder / f"{name}.seg.npy")


def _labels(value: int = 2) -> np.ndarray:
    labels = np.zeros((20, 12, 6), np.uint8)
    labels[15:17, 4:6, 2:4] = value
    labels[16, 4, 2] = 3
    return labels


def test_an_item_depends_on_its_index_and_the_seed_only(tmp_path: Path, recipe: Recipe) -> None:
    case = _case(tmp_path, "a", _labels())
    first, second = PatchDataset([[case]], recipe), PatchDataset([[case]], recipe)
    other = PatchDataset([[case]], replace(recipe, seed=1))
    assert torch.equal(first[5][0], second[5][0])
    assert not torch.equal(first[5][0], first[6][0])
    assert not torch.equal(first[5][0], other[5][0])


def test_a_resumed_run_goes_on_with_the_next_patch(tmp_path: Path, recipe: Recipe) -> None:
    case = _case(tmp_path, "a", _labels())
    whole, resumed = PatchDataset([[case]], recipe), PatchDataset([[case]], recipe, first=5)
    assert torch.equal(whole[7][0], resumed[2][0])


def test_masks_are_cut_and_mirrored_with_the_images(tmp_path: Path, recipe: Recipe) -> None:
    dataset = PatchDataset([[_case(tmp_path, "a", _labels())]], recipe)
    for index in range(50):
        patch, masks = dataset[index]
        assert patch.shape == (4, 8, 8, 8)
        assert masks.shape == (3, 8, 8, 8)
        whole, core, enhancing = masks
        assert torch.equal(whole > 0, patch[0] > 0)
        assert torch.equal(enhancing > 0, patch[0] == 3)
        assert torch.equal(core, enhancing)


def test_tumor_voxels_are_oversampled(tmp_path: Path, recipe: Recipe) -> None:
    case = _case(tmp_path, "a", _labels())
    shares = []
    for foreground in (0.0, 1.0):
        dataset = PatchDataset([[case]], replace(recipe, foreground=foreground))
        shares.append(np.mean([bool(dataset[index][1][0].any()) for index in range(200)]))
    assert shares[1] == 1.0
    assert shares[0] < 0.9


def test_every_folder_is_drawn_equally_often(tmp_path: Path, recipe: Recipe) -> None:
    many = [_case(tmp_path, f"many{number}", _labels(1)) for number in range(9)]
    single = [_case(tmp_path, "single", _labels(2))]
    dataset = PatchDataset([many, single], replace(recipe, foreground=1.0))
    cores = [bool((dataset[index][1][1] - dataset[index][1][2]).any()) for index in range(200)]
    assert 0.4 < np.mean(cores) < 0.6


def test_a_crop_smaller_than_a_patch_is_padded_with_zeros(tmp_path: Path, recipe: Recipe) -> None:
    patch, _ = PatchDataset([[_case(tmp_path, "a", _labels())]], recipe)[0]
    columns = (patch[1] != 0).any(dim=0).any(dim=0)
    assert int(columns.sum()) == 6


def test_intensity_changes_keep_the_background_at_zero(tmp_path: Path, recipe: Recipe) -> None:
    case = _case(tmp_path, "a", _labels())
    plain = PatchDataset([[case]], recipe)[3][0]
    changed = PatchDataset([[case]], replace(recipe, intensity=0.3))[3][0]
    assert torch.equal(plain == 0, changed == 0)
    assert not torch.equal(plain, changed)


def test_a_case_without_tumor_can_be_drawn(tmp_path: Path, recipe: Recipe) -> None:
    dataset = PatchDataset([[_case(tmp_path, "a", np.zeros((8, 8, 8), np.uint8))]], recipe)
    assert not dataset[0][1].any()
