"""What is drawn: nothing with chances of 0, everything with chances of 1, within its limits, one sequence stays."""

from dataclasses import replace

import numpy as np
import pytest

from tumorseg_training.augment_draw import UNCHANGED, Draw, draw_changes, rotation_matrix
from tumorseg_training.augment_recipe import Augmentation

PLAIN = Draw((2, 3, 4), (16, 16, 16))
SHAPES = ("mirror", "rotation", "scaling", "elastic")
CHANCES = (*SHAPES, "blur", "lowering", "noising", "shading", "bias", "bending", "dropping")
ALWAYS = replace(Augmentation(), **dict.fromkeys(CHANCES, 1.0))
FOUR = (True, True, True, True)


def _draw(augmentation: Augmentation, seed: int = 0, present: tuple[bool, ...] = FOUR) -> Draw:
    return draw_changes(PLAIN, augmentation, present, np.random.default_rng(seed))


def test_without_chances_nothing_changes() -> None:
    draw = _draw(Augmentation())
    assert replace(draw, seed=0, channels=()) == PLAIN
    assert set(draw.channels) == {UNCHANGED}


def test_the_same_generator_draws_the_same() -> None:
    first, again, other = _draw(ALWAYS, 3), _draw(ALWAYS, 3), _draw(ALWAYS, 4)
    assert first.channels == again.channels
    np.testing.assert_array_equal(first.rotation, again.rotation)
    assert first.channels != other.channels


def test_everything_drawn_lies_within_its_limits() -> None:
    for seed in range(50):
        draw = _draw(ALWAYS, seed)
        assert draw.mirrored == (True, True, True)
        assert all(round(0.7 * 16) <= size <= round(1.4 * 16) for size in draw.size)
        for change in draw.channels:
            assert 0.5 <= change.blur <= 1.0
            assert 0.5 <= change.resolution <= 1.0
            assert 0 <= change.noise <= 0.3
            assert 0.65 <= change.factor <= 1.5
            assert abs(change.shift) <= 0.3
            assert change.bias == 0.5
            assert 0.7 <= change.gamma <= 1.5


def test_another_scale_keeps_the_centre() -> None:
    draw = _draw(replace(Augmentation(), scaling=1.0, scale=(1.5, 1.5)))
    assert (draw.size, draw.corner) == ((24, 24, 24), (-2, -1, 0))


def test_one_to_all_but_one_of_the_present_sequences_are_dropped() -> None:
    counts = set()
    for seed in range(60):
        dropped = [change.dropped for change in _draw(ALWAYS, seed, (True, False, True, True)).channels]
        assert not dropped[1]  # what is absent cannot be dropped
        counts.add(sum(dropped))
    assert counts == {1, 2}


def test_the_only_sequence_stays() -> None:
    assert not any(change.dropped for change in _draw(ALWAYS, 0, (False, True, False, False)).channels)


def test_chances_are_shares() -> None:
    some = replace(Augmentation(), mirror=0.5, shading=0.3, bias=0.4, dropping=0.2)
    draws = [_draw(some, seed) for seed in range(800)]
    assert np.mean([draw.mirrored for draw in draws]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([change.factor != 1 for draw in draws for change in draw.channels]) == pytest.approx(0.3, abs=0.04)
    assert np.mean([change.bias for draw in draws for change in draw.channels]) == pytest.approx(0.4 * 0.5, abs=0.02)
    assert np.mean([any(c.dropped for c in draw.channels) for draw in draws]) == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(("axes", "mirrored"), [("x", (0, 0, 1)), ("yz", (1, 1, 0)), ("zyx", (1, 1, 1))])
def test_only_the_named_axes_are_mirrored(axes: str, mirrored: tuple[int, ...]) -> None:
    assert _draw(replace(Augmentation(), mirror=1.0, mirror_axes=axes), 0).mirrored == mirrored


def test_rotations_are_rotations() -> None:
    quarter = rotation_matrix(np.pi / 2, 0, 0)
    np.testing.assert_allclose(quarter @ [0, 1, 0], [0, 0, -1], atol=1e-12)  # about z: y goes to -x
    turn = rotation_matrix(0.3, -0.5, 0.2)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_array_equal(rotation_matrix(0, 0, 0), np.eye(3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mirror": 1.5}, "augmentation.mirror must be a number from 0 to 1, got 1.5"),
        ({"mirror": True}, "augmentation.mirror must be a number from 0 to 1, got True"),
        ({"mirror_axes": "xxy"}, "augmentation.mirror_axes must be a word of different letters of zyx, got 'xxy'"),
        ({"mirror_axes": ""}, "augmentation.mirror_axes must be a word of different letters of zyx, got ''"),
        ({"mirror_axes": ("x",)}, "augmentation.mirror_axes must be a word of different letters of zyx"),
        ({"rotation_degrees": -5.0}, "augmentation.rotation_degrees must be a number from 0 to 180"),
        ({"scale": (1.4, 0.7)}, "augmentation.scale must be two rising numbers from 0.25 to 4"),
        ({"gamma": 1.0}, "augmentation.gamma must be two rising numbers from 0.1 to 5, got 1.0"),
        ({"blur_voxels": (0.0, 1.0)}, "augmentation.blur_voxels must be two rising numbers from 0.05 to 8"),
    ],
)
def test_impossible_strengths_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**values)  # type: ignore[arg-type]
