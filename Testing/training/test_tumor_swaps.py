"""Who gives and who gets tumors in training, how often, and what is then known of a sample."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from support.prepared import TINY, head
from tumorseg_training.augment_recipe import Augmentation
from tumorseg_training.patches import PatchDataset
from tumorseg_training.recipe import Recipe
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.tumor_swaps import TumorSwaps

SHAPE = (24, 24, 24)


def _recipe(**augmentation: float) -> Recipe:
    return replace(load_recipe(TINY), spacing=4.0, patch_size=SHAPE, augmentation=Augmentation(**augmentation))


def _case(seed: int, group: str = "real", tumor: bool = True) -> TrainingCase:
    images, labels = head(seed, SHAPE)
    labels = labels * tumor
    return TrainingCase(f"{group}{seed}", lambda: (images, labels), (0, 1, 2, 3), (True,) * 4, group=group)


def _partial(label: int = 5) -> TrainingCase:
    """T1 and FLAIR, and a small undivided tumor on one side."""
    images, labels = head(0, SHAPE)
    images[[1, 2]] = 0
    labels[:] = 0
    labels[10:13, 10:13, 5:8] = label
    return TrainingCase("partial", lambda: (images, labels), (0, 1, 2, 3), (True, False, False, True), True, "partial")


def _labels(case: TrainingCase) -> np.ndarray:
    return case.load()[1]


def test_without_chances_every_case_stays_itself() -> None:
    cases = [_case(0), _case(1)]
    swaps = TumorSwaps([cases], _recipe())
    assert all(swaps.changed(cases[0], index) is cases[0] for index in range(20))


def test_a_healthy_brain_gets_tumors_of_other_cases_as_often_as_asked() -> None:
    host = _case(0, tumor=False)
    swaps = TumorSwaps([[host, _case(1), _case(2)]], _recipe(transplanting=0.5))
    found = [bool(_labels(swaps.changed(host, index)).any()) for index in range(60)]
    assert 0.3 < np.mean(found) < 0.7


def test_brains_without_a_tumor_among_the_donors_are_passed_over() -> None:
    healthy = [_case(number, "atlas", tumor=False) for number in range(3)]
    swaps = TumorSwaps([healthy, [_case(3), _case(4)]], _recipe(transplanting=1.0))
    alone = TumorSwaps([[_case(3), _case(4)]], _recipe(transplanting=1.0))
    with_, without = (
        np.mean([_labels(each.changed(healthy[0], index)).any() for index in range(40)]) for each in (swaps, alone)
    )
    assert with_ == pytest.approx(without, abs=0.15)
    assert without > 0.7


def test_without_any_tumor_every_brain_stays_itself() -> None:
    healthy = [_case(number, "atlas", tumor=False) for number in range(3)]
    swaps = TumorSwaps([healthy], _recipe(transplanting=1.0, healing=1.0, weakening=1.0))
    assert all(swaps.changed(healthy[0], index) is healthy[0] for index in range(5))


def test_tumors_enhance_as_often_as_asked_where_there_is_t1ce() -> None:
    case = _case(0)
    swaps = TumorSwaps([[case]], _recipe(enhancing=0.5))
    changed = [swaps.changed(case, index) for index in range(60)]
    assert 0.3 < np.mean([each is not case for each in changed]) < 0.7
    more = [np.count_nonzero(_labels(each) == 3) for each in changed if each is not case]
    assert min(more) > np.count_nonzero(_labels(case) == 3)
    without = replace(case, present=(True, False, True, True))
    assert all(swaps.changed(without, index) is without for index in range(20))


def test_tumors_get_core_that_does_not_enhance_as_often_as_asked() -> None:
    case = _case(0)
    swaps = TumorSwaps([[case]], _recipe(coring=0.5))
    changed = [swaps.changed(case, index) for index in range(60)]
    assert 0.3 < np.mean([each is not case for each in changed]) < 0.7
    assert all(np.array_equal(_labels(each) == 3, _labels(case) == 3) for each in changed)
    brighter = [each.load()[0][3] > case.load()[0][3] for each in changed if each is not case]
    assert all(voxels.any() for voxels in brighter)


def test_tumors_are_drawn_as_often_as_asked_in_the_place_of_the_own_one() -> None:
    hosts = _case(0, "atlas", tumor=False), _partial()
    swaps = TumorSwaps([hosts], _recipe(growing=0.5))
    for host in hosts:
        changed = [swaps.changed(host, index) for index in range(60)]
        drawn = [each for each in changed if each is not host]
        assert 0.3 < len(drawn) / len(changed) < 0.7
        assert not any(each.undivided for each in drawn)
        assert any((_labels(each) == 2).any() for each in drawn)
        assert not any((_labels(each) == 5).any() for each in drawn)


def test_a_drawn_tumor_is_no_place_for_another_patients() -> None:
    host = _case(0, tumor=False)
    groups = [[host, _case(1)]]
    both = TumorSwaps(groups, _recipe(growing=1.0, transplanting=1.0)).changed(host, 3)
    alone = TumorSwaps([[host]], _recipe(growing=1.0, transplanting=1.0)).changed(host, 3)
    assert np.array_equal(_labels(both), _labels(alone))


def test_tumors_lose_their_enhancement_as_often_as_asked_where_there_is_t1ce() -> None:
    case = _case(0)
    assert (_labels(case) == 3).any()
    swaps = TumorSwaps([[case]], _recipe(unenhancing=0.5))
    changed = [swaps.changed(case, index) for index in range(60)]
    assert 0.3 < np.mean([each is not case for each in changed]) < 0.7
    assert not any((_labels(each) == 3).any() for each in changed if each is not case)
    without = replace(case, present=(True, False, True, True))
    assert all(swaps.changed(without, index) is without for index in range(20))


def test_a_tumor_weakened_until_it_hardly_enhances_is_core() -> None:
    def case(brightness: float) -> TrainingCase:
        images, labels = _partial(3).load()
        images[[1, 2]] = images[[0, 3]]
        images[0][labels == 3] = 0.01
        images[1][labels == 3] = brightness
        return TrainingCase("complete", lambda: (images, labels), (0, 1, 2, 3), (True,) * 4, group="real")

    recipe = replace(_recipe(), augmentation=Augmentation(weakening=1.0, weakened=(0.5, 0.5)))
    faint, strong = (TumorSwaps([[each]], recipe).changed(each, 0) for each in (case(0.3), case(9.0)))
    assert set(np.unique(_labels(faint))) == {0, 1}
    assert set(np.unique(_labels(strong))) == {0, 3}


def test_no_other_complete_case_no_transplant() -> None:
    host = _case(0)
    swaps = TumorSwaps([[host], [_partial()]], _recipe(transplanting=1.0))
    assert all(swaps.changed(host, index) is host for index in range(10))


def test_tumors_come_from_the_named_folders_only() -> None:
    groups = [[_case(0)], [_case(1, "made")], [_partial()]]
    everyone = TumorSwaps(groups, _recipe(transplanting=1.0))
    assert [group[0].group for group in everyone.donors] == ["real", "made"]
    only = TumorSwaps(groups, replace(_recipe(transplanting=1.0), donors=("real",)))
    assert [group[0].group for group in only.donors] == ["real"]
    never = TumorSwaps(groups, replace(_recipe(transplanting=1.0), shares={"made": 0.0}))
    assert [group[0].group for group in never.donors] == ["real"]


def test_a_partial_case_with_its_own_tumor_stays_undivided() -> None:
    host = _partial()
    swaps = TumorSwaps([[_case(1)], [host]], _recipe(transplanting=1.0))
    changed = [swaps.changed(host, index) for index in range(20)]
    both = [case for case in changed if set(np.unique(_labels(case))) >= {2, 5}]
    assert both
    assert all(case.undivided for case in both)
    assert not any(case.load()[0][[1, 2]].any() for case in both)


def test_a_healed_case_is_known_in_all_regions() -> None:
    host = _partial()
    changed = TumorSwaps([[host]], _recipe(healing=1.0)).changed(host, 0)
    assert not changed.undivided
    assert not _labels(changed).any()
    assert _labels(host).any()


def test_a_weakened_case_is_fainter_where_it_was_and_as_known_as_before() -> None:
    host = _partial()
    images, labels = host.load()
    images[3][labels > 0] = 9
    changed = TumorSwaps([[host]], replace(_recipe(), augmentation=Augmentation(weakening=1.0))).changed(host, 0)
    after, kept = changed.load()
    assert changed.undivided
    assert np.array_equal(kept, labels)
    part = (9 - after[3][labels > 0].mean()) / 9
    assert 0.1 < part < 0.7


def test_samples_are_repeatable_and_other_draws_are_not_disturbed() -> None:
    groups = [[_case(0, tumor=False), _case(1)]]
    recipe = _recipe(transplanting=0.5, mirror=0.5)
    first, again = PatchDataset(groups, recipe), PatchDataset(groups, recipe)
    plain = PatchDataset(groups, _recipe(mirror=0.5))
    changed = 0
    for index in range(12):
        sample = first[index].finish(SHAPE)
        assert torch.equal(sample.images, again[index].finish(SHAPE).images)
        changed += not torch.equal(sample.images, plain[index].finish(SHAPE).images)
        assert torch.equal(sample.images != 0, plain[index].finish(SHAPE).images != 0)
    assert 0 < changed < 12
