"""Random patches: repeatable, aligned with their labels, foreground oversampled, groups drawn equally often."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from support.prepared import TINY, head
from tumorseg.normalise import minmax
from tumorseg.other_half import with_other_half
from tumorseg_training.augment_recipe import Augmentation
from tumorseg_training.patches import Patch, PatchDataset, normalised, tumor_centres
from tumorseg_training.recipe import Recipe
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.training_case import TrainingCase

SIZE = (8, 8, 8)


@pytest.fixture
def recipe() -> Recipe:
    return replace(load_recipe(TINY), patch_size=SIZE, augmentation=Augmentation(mirror=0.5))


def _case(labels: np.ndarray, name: str = "a") -> TrainingCase:
    """A case whose first channel shows the labels and whose others count the voxels."""
    counted = np.arange(labels.size).reshape(labels.shape) % 100 + 1
    images = np.stack([labels, counted, counted, counted]).astype(np.float16)
    return TrainingCase(name, lambda: (images, labels), (0, 1, 2, 3), (True,) * 4)


def _labels(value: int = 2, shape: tuple[int, int, int] = (20, 12, 6)) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    labels[15:17, 4:6, 2:4] = value
    labels[16, 4, 2] = 3
    return labels


def _patch(cases: list[list[TrainingCase]], recipe: Recipe, index: int) -> Patch:
    return PatchDataset(cases, recipe)[index].finish(recipe.patch_size)


def test_a_sample_depends_on_its_number_and_the_seed_only(recipe: Recipe) -> None:
    groups = [[_case(_labels())]]
    changed = replace(recipe, augmentation=load_recipe(TINY).augmentation)
    assert torch.equal(_patch(groups, changed, 5).images, _patch(groups, changed, 5).images)
    assert not torch.equal(_patch(groups, changed, 5).images, _patch(groups, changed, 6).images)
    assert not torch.equal(_patch(groups, changed, 5).images, _patch(groups, replace(changed, seed=1), 5).images)


def test_labels_are_cut_and_mirrored_with_the_images(recipe: Recipe) -> None:
    dataset = PatchDataset([[_case(_labels())]], recipe)
    for index in range(50):
        patch = dataset[index].finish(SIZE)
        assert (patch.images.shape, patch.labels.shape) == ((4, *SIZE), SIZE)
        assert torch.equal(patch.images[0], patch.labels.float())


def test_tumor_voxels_are_oversampled(recipe: Recipe) -> None:
    groups = [[_case(_labels())]]
    shares = []
    for foreground in (0.0, 1.0):
        dataset = PatchDataset(groups, replace(recipe, foreground=foreground))
        shares.append(np.mean([bool(dataset[index].cut.labels.any()) for index in range(200)]))
    assert shares[1] == 1.0
    assert shares[0] < 0.9


def test_every_group_is_drawn_equally_often(recipe: Recipe) -> None:
    many = [_case(_labels(1), f"many{number}") for number in range(9)]
    dataset = PatchDataset([many, [_case(_labels(2), "single")]], replace(recipe, foreground=1.0))
    cores = [bool((dataset[index].cut.labels == 1).any()) for index in range(200)]
    assert 0.4 < np.mean(cores) < 0.6


def test_a_folder_can_be_drawn_more_often(recipe: Recipe) -> None:
    groups = [[replace(_case(_labels(value), name), group=name)] for name, value in (("real", 1), ("made", 2))]
    often = replace(recipe, foreground=1.0, shares={"real": 3.0})
    cores = [bool((PatchDataset(groups, often)[index].cut.labels == 1).any()) for index in range(200)]
    assert 0.65 < np.mean(cores) < 0.85
    never = replace(often, shares={"made": 0.0})
    assert all(bool((PatchDataset(groups, never)[index].cut.labels == 1).any()) for index in range(50))


def test_a_case_smaller_than_a_patch_lies_in_its_middle(recipe: Recipe) -> None:
    plain = replace(recipe, augmentation=Augmentation())
    for index in range(10):
        columns = (_patch([[_case(_labels())]], plain, index).images[1] != 0).any(dim=0).any(dim=0)
        assert columns.tolist() == [False, True, True, True, True, True, True, False]


def test_a_case_without_tumor_can_be_drawn(recipe: Recipe) -> None:
    assert not _patch([[_case(np.zeros(SIZE, np.uint8))]], recipe, 0).labels.any()


def test_an_undivided_tumor_is_found_and_marked(recipe: Recipe) -> None:
    labels = np.where(_labels() > 0, 5, 0).astype(np.uint8)
    case = replace(_case(labels), undivided=True)
    patch = _patch([[case]], replace(recipe, foreground=1.0), 0)
    assert patch.undivided
    assert bool((patch.labels == 5).any())


def test_centres_are_spread_over_each_label() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[:20] = 2
    labels[0, 0, :3] = 1
    necrosis, edema = tumor_centres(labels)
    assert necrosis.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    assert 2500 <= len(edema) <= 5000
    assert set(edema[:, 0].tolist()) == set(range(20))


def test_the_centres_that_are_remembered_keep_nothing_else_in_memory() -> None:
    labels = np.full((40, 40, 40), 2, np.uint8)
    (edema,) = tumor_centres(labels)
    np.testing.assert_array_equal(edema, np.argwhere(labels)[::13])  # 64,000 voxels, at most 5000 of them
    assert (edema.base, edema.nbytes) == (None, 4924 * 3 * 2)


def test_whole_brains_are_stretched_and_each_is_seen_once_a_pass(recipe: Recipe) -> None:
    shapes = ((20, 12, 10), (18, 14, 10), (20, 12, 12))
    cases = [_case(np.full(shape, number, np.uint8), str(number)) for number, shape in enumerate(shapes)]
    stretched = replace(recipe, resized=True)
    seen = [int(_patch([cases], stretched, index).labels.max()) for index in range(30)]
    passes = [tuple(seen[start : start + 3]) for start in range(0, 30, 3)]
    assert all(sorted(order) == [0, 1, 2] for order in passes)
    assert len(set(passes)) > 1


def test_intensities_are_scaled_to_0_1_as_the_engine_does(recipe: Recipe) -> None:
    images, labels = head(0)
    case = TrainingCase("a", lambda: (images, labels), (2,), (True,))
    brain = (images != 0).any(axis=0)
    scaled = normalised(images, (2,), "minmax-brain")
    np.testing.assert_array_equal(scaled[0], minmax(images[2].astype(np.float32), brain))
    one = replace(recipe.network, in_channels=1)
    paper = replace(recipe, normalisation="minmax-brain", channels=("t2",), network=one, augmentation=Augmentation())
    patch = _patch([[case]], replace(paper, patch_size=labels.shape), 0)
    np.testing.assert_array_equal(patch.images.numpy(), scaled)


def test_flattened_intensities_are_those_of_the_cache(recipe: Recipe) -> None:
    images, labels = head(0)
    np.testing.assert_array_equal(normalised(images, (2,), "zscore-flat"), images[[2]].astype(np.float32))
    case = TrainingCase("a", lambda: (images, labels), (2,), (True,))
    one = replace(recipe.network, in_channels=1)
    flat = replace(recipe, normalisation="zscore-flat", channels=("t2",), network=one, augmentation=Augmentation())
    patch = _patch([[case]], replace(flat, patch_size=labels.shape), 0)
    np.testing.assert_array_equal(patch.images.numpy(), images[[2]].astype(np.float32))


def test_a_channel_that_shows_a_part_of_the_brain_is_scaled_over_that_part() -> None:
    images = np.ones((2, 2, 2, 4), np.float16)
    images[1] = 0
    images[1, :, :, :2] = [3, 5]
    scaled = normalised(images, (1,), "minmax-brain")[0]
    np.testing.assert_array_equal(scaled[0, 0], [0, 1, 0, 0])  # over all of the brain 3 would be 0.6


def _comparing(recipe: Recipe) -> Recipe:
    """A recipe whose network also sees the differences between both halves of the brain, nothing changed at random."""
    inputs = replace(recipe.network, in_channels=2 * len(recipe.channels))
    return replace(recipe, other_half=True, network=inputs, spacing=2.0, augmentation=Augmentation())


def test_differences_from_the_other_half_are_those_of_the_engine(recipe: Recipe) -> None:
    images, labels = head(0)
    case = TrainingCase("a", lambda: (images, labels), (0, 1, 2, 3), (True,) * 4)
    patch = _patch([[case]], replace(_comparing(recipe), patch_size=labels.shape), 0)
    expected = with_other_half(images.astype(np.float32), (images != 0).any(axis=0), (2.0,) * 3)
    np.testing.assert_allclose(patch.images.numpy(), expected, atol=2e-3)  # float16 between


def test_differences_follow_the_changes_of_a_patch(recipe: Recipe) -> None:
    images, labels = head(0)
    case = TrainingCase("a", lambda: (images, labels), (0, 1, 2, 3), (True,) * 4)
    plain = replace(_comparing(recipe), patch_size=labels.shape)
    doubled = replace(
        plain, augmentation=Augmentation(mirror=1.0, mirror_axes="x", shading=1.0, contrast=(2.0, 2.0), brightness=1.0)
    )
    before, after = (_patch([[case]], wanted, 0).images for wanted in (plain, doubled))
    turned = before.flip(-1)
    torch.testing.assert_close(after[4:], 2 * turned[4:], atol=5e-3, rtol=0)
    dropped = replace(plain, augmentation=Augmentation(dropping=1.0))
    patch = _patch([[case]], dropped, 0).images
    absent = [channel for channel in range(4) if not patch[channel].any()]
    assert 1 <= len(absent) <= 3
    assert [channel for channel in range(4) if not patch[4 + channel].any()] == absent


def test_a_swapped_tumor_is_in_the_differences(recipe: Recipe) -> None:
    """A healed brain is compared as it is then, not as it was."""
    images, labels = head(0)
    labels[..., 9:] = 0  # one side alone, so that the other can stand in for it
    case = TrainingCase("a", lambda: (images, labels), (0, 1, 2, 3), (True,) * 4)
    healing = replace(_comparing(recipe), patch_size=labels.shape, augmentation=Augmentation(healing=1.0))
    patch = _patch([[case]], healing, 0)
    assert labels.any()
    assert not patch.labels.any()
    own = patch.images[:4].numpy()
    expected = with_other_half(own, (own != 0).any(axis=0), (2.0,) * 3)
    np.testing.assert_allclose(patch.images.numpy(), expected, atol=5e-3)


def test_a_small_patch_has_the_differences_of_the_whole_brain(recipe: Recipe) -> None:
    images, labels = head(0)
    images[0] = 0  # the brain is where any sequence shows something
    case = TrainingCase("a", lambda: (images, labels), (0, 1, 2, 3), (False, True, True, True))
    expected = with_other_half(images.astype(np.float32), (images != 0).any(axis=0), (2.0,) * 3)
    dataset = PatchDataset([[case]], _comparing(recipe))
    for index in range(5):
        raw = dataset[index]
        z, y, x = (slice(start, start + size) for start, size in zip(raw.cut.corner, SIZE, strict=True))
        np.testing.assert_allclose(raw.finish(SIZE).images.numpy(), expected[:, z, y, x], atol=5e-3)
