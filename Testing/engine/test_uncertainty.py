"""The uncertainty map, the expected Dice, and when a result is said to need care."""

from __future__ import annotations

import numpy as np
import pytest

from tumorseg.guard import Finding
from tumorseg.regions import labels_from_regions
from tumorseg.uncertainty import Quality, assess, expected_dice, solidity, uncertainty_map
from tumorseg.volume import Geometry

SHAPE = (10, 20, 20)
GRID = Geometry(SHAPE)
REGIONS = ("WT", "TC", "ET")


def solid(*sides: int) -> float:
    """Solidity of a box at 1 mm that loses the outer layer of voxels and half of the next one."""
    inner = (np.prod(np.array(sides) - 2) + np.prod(np.array(sides) - 4)) / 2
    return float(2 * inner / (inner + np.prod(sides)))


SOLID_WHOLE = solid(10, 10, 20)
SOLID_CORE = solid(10, 10, 10)
"""Of the boxes of ``_probabilities``."""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 0, 0), 0),
        ((1, 1, 1), 0),
        ((1, 0.5, 0), 1),
        ((0.9, 0, 0), 0.468996),  # -(0.9 log2 0.9 + 0.1 log2 0.1)
        ((0.1, 0, 0), 0.468996),
        ((1, 0.9, 0.25), 0.811278),  # the most doubtful region counts
        ((0.9995, 0.0005, 0), 0),
    ],
)
def test_uncertainty_is_the_entropy_of_the_most_doubtful_region(values: tuple[float, ...], expected: float) -> None:
    probabilities = np.array(values, np.float32).reshape(3, 1, 1, 1)
    found = uncertainty_map(probabilities)
    assert found.dtype == np.float32
    assert found[0, 0, 0] == pytest.approx(expected, abs=1e-5)


def test_expected_dice_agrees_with_drawn_truths() -> None:
    random = np.random.default_rng(0)
    probabilities = random.beta(0.4, 0.6, SHAPE).astype(np.float32)
    mask = probabilities > 0.5
    drawn = random.random((50, *SHAPE)) < probabilities
    dices = [2 * np.sum(mask & truth) / (mask.sum() + truth.sum()) for truth in drawn]
    assert expected_dice(probabilities, mask, float(probabilities.sum())) == pytest.approx(np.mean(dices), abs=0.01)


def test_expected_dice_of_nothing_is_perfect() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    assert expected_dice(nothing, nothing > 0, 0.0) == 1


def _probabilities(whole: float = 0.99, core: float = 0.99, enhancing: float = 0.99, rows: int = 10) -> np.ndarray:
    """Nested boxes with one probability each: 2 mL of tumor (fewer rows: less), half of it core and enhancing."""
    probabilities = np.zeros((3, *SHAPE), np.float32)
    probabilities[0, :, :rows, :] = whole
    probabilities[1, :, :rows, :10] = core
    probabilities[2, :, :rows, :10] = enhancing
    return probabilities


def _assessed(probabilities: np.ndarray, **more: object) -> Quality:
    labels = labels_from_regions(probabilities, REGIONS, (0.5, 0.5, 0.5))
    return assess(probabilities, REGIONS, labels, GRID, **more)


def test_an_ordinary_result_gets_no_sentence() -> None:
    quality = _assessed(_probabilities())
    assert (quality.reasons, quality.sentence) == ((), None)
    # Expected Dice 2 * 0.99 / (1 + 0.99) for both regions, 10 x 10 x 20 and 10 x 10 x 10 voxels less 1.5 on every side
    assert quality.score == pytest.approx(0.99497 * (SOLID_WHOLE + SOLID_CORE) / 2, abs=1e-4)


def test_the_score_is_that_of_the_whole_and_the_core() -> None:
    expected = (2 * 0.99 / 1.99 * SOLID_WHOLE + 2 * 0.9 / 1.9 * SOLID_CORE) / 2
    assert _assessed(_probabilities(core=0.9, enhancing=0.6)).score == pytest.approx(expected, abs=1e-4)


FINDING = Finding("x", "warning", ("t1",), "T1 is dark.", "Look.")


@pytest.mark.parametrize(
    ("probabilities", "more", "reason"),
    [
        (_probabilities(0.0, 0.0, 0.0), {}, "no tumor was found"),
        (_probabilities(0.4, 0.4, 0.4), {}, "no tumor was found"),  # 0.8 mL may be there, but once is enough
        (_probabilities(rows=4), {}, "only 0.80 mL of tumor were found"),
        (_probabilities(whole=0.7), {}, "the outline of the whole tumor (2.0 mL) is uncertain"),
        (_probabilities(core=0.7), {}, "the outline of the tumor core (1.0 mL) is uncertain"),
        (_probabilities(enhancing=0.7), {}, "the outline of the enhancing tumor (1.0 mL) is uncertain"),
        # 1 mL x 0.45: below what is worth a word; 2 mL of core at 0.3 make 0.6 mL
        (_probabilities(enhancing=0.3, core=0.99, rows=20), {}, "no enhancing tumor was found, but there may be some"),
        (_probabilities(), {"foci": 6}, "6 separate foci were found, and small ones are often false alarms"),
        (_probabilities(), {"findings": [FINDING]}, "the check of the images found something (see the findings)"),
    ],
)
def test_what_needs_care_is_said(probabilities: np.ndarray, more: dict[str, object], reason: str) -> None:
    quality = _assessed(probabilities, **more)
    assert quality.sentence == f"Look at this result with care: {reason}."


@pytest.mark.parametrize(
    ("probabilities", "more"),
    [
        (_probabilities(rows=5), {}),  # exactly 1 mL
        (_probabilities(whole=0.75, core=0.75, enhancing=0.75), {}),  # expected Dice 0.857
        (_probabilities(enhancing=0.4), {}),  # nothing enhances, and 0.4 mL might
        (_probabilities(), {"foci": 5}),
    ],
)
def test_little_things_are_not_said(probabilities: np.ndarray, more: dict[str, object]) -> None:
    assert _assessed(probabilities, **more).sentence is None


def test_several_reasons_make_one_sentence_and_nothing_scores_zero() -> None:
    nothing = _assessed(_probabilities(0.0, 0.0, 0.0), findings=[FINDING])
    assert nothing.score == 0
    assert nothing.sentence == (
        "Look at this result with care: no tumor was found; the check of the images found something (see the findings)."
    )


def test_a_model_without_core_is_assessed_on_the_whole() -> None:
    probabilities = _probabilities(whole=0.9)[:1]
    labels = labels_from_regions(probabilities, ("WT",), (0.5,))
    assert assess(probabilities, ("WT",), labels, GRID).score == pytest.approx(2 * 0.9 / 1.9 * SOLID_WHOLE)


def test_scattered_parts_score_less_than_one_of_their_volume() -> None:
    one, many = np.zeros((2, 3, *SHAPE), np.float32)
    one[:, 1:9, 2:10, 2:10] = 0.95  # 512 voxels
    many[:, 1:9, :16:2, :16:2] = 0.95  # 512 voxels, each with a gap to the next
    assert _assessed(one).score == pytest.approx(2 * 0.95 / 1.95 * solid(8, 8, 8))
    assert _assessed(many).score == 0


def test_solidity_is_in_millimeters() -> None:
    mask = np.ones(SHAPE, bool)
    assert solidity(mask, Geometry(SHAPE)) == pytest.approx(solid(*SHAPE))
    # Of voxels of 0.5 mm three go on every side.
    fine = Geometry(SHAPE, spacing=(0.5, 0.5, 0.5))
    assert solidity(mask, fine) == pytest.approx(2 * 4 * 14 * 14 / (4 * 14 * 14 + mask.size))
    # A wide sheet of two slices of 5 mm loses 1.5 mm of each, however wide its voxels are, and a little at its rim.
    sheet = np.ones((2, 200, 200), bool)
    assert solidity(sheet, Geometry(sheet.shape, spacing=(3.0, 3.0, 5.0))) == pytest.approx(1.4 / 1.7, abs=0.01)


@pytest.mark.parametrize("size", [0.5, 0.75, 1.0, 1.5, 1.75, 2.0, 2.1, 3.0])
@pytest.mark.parametrize("thickness", [1.0, 1.5])
def test_solidity_does_not_jump_with_the_size_of_voxels(size: float, thickness: float) -> None:
    mask = _ball(15, (size, size, size * thickness))
    below, above = (
        solidity(mask, Geometry(mask.shape, spacing=(wide, wide, wide * thickness)))
        for wide in (size * 0.999, size * 1.001)
    )
    assert above == pytest.approx(below, abs=0.01)


@pytest.mark.parametrize("radius", [8, 15])
def test_solidity_of_a_ball_hardly_depends_on_the_size_of_voxels(radius: float) -> None:
    found = [
        solidity(mask, Geometry(mask.shape, spacing=spacing))
        for spacing in ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (1.0, 1.0, 2.2), (2.1, 2.1, 2.1), (3.0, 3.0, 3.0))
        for mask in [_ball(radius, spacing)]
    ]
    assert max(found) - min(found) < {8: 0.12, 15: 0.03}[radius]


def _ball(radius: float, spacing: tuple[float, float, float]) -> np.ndarray:
    """A ball (z, y, x) of a radius in mm."""
    z, y, x = (np.arange(-20, 21, size) for size in spacing[::-1])
    return np.asarray(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2)
