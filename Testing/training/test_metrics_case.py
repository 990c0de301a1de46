"""All scores of a case together: regions, cropping, the file, intervals, and that every column is explained."""

from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest

from support.masks import random_labels
from tumorseg.errors import BadInputError
from tumorseg.regions import UNDIVIDED, region_mask
from tumorseg_training.metrics import case_scores, read_scores, write_scores
from tumorseg_training.metrics.bootstrap import mean_intervals
from tumorseg_training.metrics.definitions import METRICS, definitions_markdown, definitions_table
from tumorseg_training.metrics.lesionwise import lesion_scores
from tumorseg_training.metrics.overlap import overlap_scores
from tumorseg_training.metrics.surface import surface_scores

SPACING = (2.0, 1.0, 0.5)


def test_cropping_changes_nothing() -> None:
    prediction, truth = (np.pad(random_labels(seed), 9) for seed in (1, 2))
    scores = case_scores(prediction, truth, SPACING)
    assert list(scores) == ["WT", "TC", "ET"]
    for region, values in scores.items():
        masks = region_mask(prediction, region), region_mask(truth, region)
        whole = overlap_scores(*masks) | surface_scores(*masks, SPACING) | lesion_scores(*masks, SPACING)
        assert {name: values[name] for name in whole} == pytest.approx(whole)


def test_volumes_are_in_millilitres() -> None:
    truth, prediction = np.zeros((2, 40, 40, 40), np.uint8)
    truth[:10, :10, :10], prediction[:10, :10, :5] = 3, 3
    values = case_scores(prediction, truth, SPACING)["ET"]
    assert values["volume_true_ml"] == pytest.approx(1.0)
    assert values["volume_error_ml"] == pytest.approx(-0.5)
    assert values["volume_error_relative"] == pytest.approx(-0.5)
    assert isnan(case_scores(truth, prediction * 0, SPACING)["ET"]["volume_error_relative"])


def test_an_undivided_tumor_has_only_the_whole() -> None:
    labels = random_labels(0)
    undivided = (labels > 0).astype(np.uint8) * UNDIVIDED
    assert list(case_scores(labels, undivided, SPACING)) == list(case_scores(undivided, labels, SPACING)) == ["WT"]
    assert case_scores(labels, undivided, SPACING)["WT"]["dice"] == 1
    assert list(case_scores(labels, labels, SPACING, regions=("WT", "ET"))) == ["WT", "ET"]


def test_a_perfect_prediction_has_the_best_value_of_every_metric() -> None:
    labels = random_labels(5)
    for values in case_scores(labels, labels, SPACING).values():
        for metric in METRICS:
            assert metric.best == "-" or values[metric.name] == float(metric.best)


def test_every_score_is_defined_and_every_definition_is_used() -> None:
    labels = random_labels(0)
    names = [metric.name for metric in METRICS]
    assert sorted(case_scores(labels, labels, SPACING)["WT"]) == sorted(names)
    for text in (definitions_table(), definitions_markdown()):
        assert all(metric.name in text and metric.empty in text for metric in METRICS)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        case_scores(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), SPACING)


def test_the_file_comes_back(tmp_path: Path) -> None:
    labels, nothing = random_labels(1), np.zeros((18, 20, 22), np.uint8)
    scores = {
        "A": case_scores(labels, random_labels(2), SPACING),
        "B": case_scores(nothing, nothing, SPACING),
        "C": {"WT": case_scores(labels, labels, SPACING)["WT"]},
    }
    write_scores(scores, tmp_path / "scores.csv")
    again = read_scores(tmp_path / "scores.csv")
    assert list(again) == ["A", "B", "C"]
    for name, regions in scores.items():
        assert list(again[name]) == list(regions)
        for region, values in regions.items():
            assert again[name][region] == pytest.approx(values, rel=1e-5, nan_ok=True)
    assert (tmp_path / "scores.csv").read_text().startswith("case,dice_WT,dice_TC,dice_ET,iou_WT")


def test_files_that_are_no_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="run tumorseg-train evaluate first"):
        read_scores(tmp_path / "none.csv")
    for text in ("a,b\n1,2\n", "case,dice_WT\nA,good\n", "case,dice_WT\nA,1,2\n", "case,dice_WT\nA\n"):
        (tmp_path / "odd.csv").write_text(text)
        with pytest.raises(BadInputError, match=r"odd\.csv is not a table of scores"):
            read_scores(tmp_path / "odd.csv")


def test_intervals_cover_the_mean_and_follow_theory() -> None:
    values = np.random.default_rng(3).normal(5, 2, (400, 1))
    ((low, high),) = mean_intervals(values)
    half = 1.96 * values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    np.testing.assert_array_equal(mean_intervals(values, seed=4), mean_intervals(values, seed=4))
    assert not np.array_equal(mean_intervals(values, seed=4), mean_intervals(values, seed=5))


def test_intervals_leave_out_what_is_not_defined() -> None:
    column = [1.0, 3.0, 5.0]
    first, second, third = mean_intervals(np.array([[v, w, 7.0] for v, w in zip(column, [nan, nan, 2.0], strict=True)]))
    assert 1 <= first[0] < 3 < first[1] <= 5
    assert np.isnan(second).all()
    assert third.tolist() == [7, 7]


def test_the_documentation_has_the_same_definitions() -> None:
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert definitions_markdown() in text
