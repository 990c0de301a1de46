"""Choices on cases that are judged on others."""

from __future__ import annotations

import numpy as np
import pytest

from tumorseg_training.cross_validation import choose, cross_validation


def _scores(**options: list[float]) -> np.ndarray:
    """Rows of cases, a column for each option."""
    return np.array(list(options.values())).T


@pytest.mark.parametrize(("cases", "turns"), [(1, 1), (3, 3), (10, 10), (23, 10)])
def test_every_case_judges_once_and_never_what_it_chose(cases: int, turns: int) -> None:
    parts = list(cross_validation(cases))
    assert len(parts) == turns
    assert sorted(np.concatenate([judged for _, judged in parts])) == list(range(cases))
    for kept, judged in parts:
        assert sorted([*kept, *judged]) == list(range(cases))


def test_an_option_that_is_better_for_the_others_too_is_chosen() -> None:
    choice = choose(_scores(first=[0.5, 0.5, 0.5], better=[0.7, 0.8, 0.9]), fewest=2)
    assert (choice.option, choice.used) == (1, True)
    assert (choice.first, choice.best, choice.held_out) == pytest.approx((0.5, 0.8, 0.8))


def test_an_option_that_only_one_case_likes_is_not_chosen() -> None:
    choice = choose(_scores(first=[0.5, 0.5, 0.5], lucky=[1.0, 0.4, 0.4]), fewest=2)
    assert (choice.option, choice.used) == (0, False)
    # Without the first case the others stay with 0.5; with it they choose 0.4.
    assert (choice.first, choice.best, choice.held_out) == pytest.approx((0.5, 0.6, 1.3 / 3))


def test_equal_options_leave_the_first_whatever_the_rounding() -> None:
    choice = choose(_scores(first=[0.3, 0.6], same=[0.6, 0.3 + 1e-12]), fewest=2)
    assert (choice.option, choice.used) == (0, False)


def test_too_few_cases_choose_nothing() -> None:
    scores = _scores(first=[0.5] * 7, better=[0.9] * 7)
    assert choose(scores, fewest=7).used
    few = choose(scores, fewest=8)
    assert (few.option, few.used, few.held_out) == (0, False, None)
    assert few.best == pytest.approx(0.9)
