"""Calibration of probabilities: exact values, and that labels do not move."""

from dataclasses import replace

import numpy as np
import pytest

from support.cases import small_case
from support.models import constant_model, random_model
from tumorseg.calibration import calibrated, with_calibration, without_calibration
from tumorseg.modelfile import Model, PostProcessing
from tumorseg.pipeline import Options, segment

CPU = Options(device="cpu")
TEMPERATURES, BIASES = (2.0, 0.5, 3.0), (0.5, -1.0, 0.0)


def _with(model: Model, rules: PostProcessing) -> Model:
    return replace(model, spec=replace(model.spec, postprocessing=rules))


def test_known_values() -> None:
    probabilities = np.full((3, 1, 1, 1), 0.8, np.float32)  # logit log(4)
    values = calibrated(probabilities, PostProcessing(temperatures=TEMPERATURES, biases=BIASES))
    expected = [1 / (1 + np.exp(-(np.log(4) / t + b))) for t, b in zip(TEMPERATURES, BIASES, strict=True)]
    np.testing.assert_allclose(values.ravel(), expected, rtol=1e-6)
    assert values.dtype == np.float32


def test_certainty_stays_and_order_is_kept() -> None:
    probabilities = np.repeat(np.linspace(0, 1, 101, dtype=np.float32)[None, None, None], 3, axis=0)
    values = calibrated(probabilities, PostProcessing(temperatures=TEMPERATURES, biases=BIASES))
    assert values[..., 0].ravel().tolist() == [0, 0, 0]
    assert values[..., -1].ravel().tolist() == [1, 1, 1]
    assert np.all(np.diff(values) > 0)


def test_without_calibration_the_array_itself_comes_back() -> None:
    probabilities = np.full((3, 1, 1, 1), 0.8, np.float32)
    assert calibrated(probabilities, PostProcessing()) is probabilities


def test_added_calibration_leaves_the_labels_of_a_run_alone() -> None:
    rules = PostProcessing(thresholds=(0.45, 0.5, 0.55))
    plain = segment(small_case(), _with(random_model(), rules), CPU)
    fitted = segment(small_case(), _with(random_model(), with_calibration(rules, TEMPERATURES, BIASES)), CPU)
    np.testing.assert_array_equal(fitted.labels, plain.labels)
    inside = plain.probabilities > 0
    assert not np.isclose(fitted.probabilities[inside], plain.probabilities[inside]).all()
    np.testing.assert_array_equal(fitted.probabilities > 0, inside)


def test_a_run_reports_calibrated_probabilities() -> None:
    rules = PostProcessing(temperatures=(1.0, 1.0, 1.0), biases=(0.0, 0.0, -10.0))
    result = segment(small_case(), _with(constant_model({"WT": 0.9, "TC": 0.8, "ET": 0.7}), rules), CPU)
    assert result.probabilities.max(axis=(1, 2, 3)) == pytest.approx([0.9, 0.8, 7 / 3 / (7 / 3 + np.exp(10))])
    assert set(np.unique(result.labels)) == {0, 1}


def test_calibration_can_be_taken_away_again() -> None:
    rules = PostProcessing((0.4, 0.5, 0.6), 0.1, 0.2)
    again = without_calibration(with_calibration(rules, TEMPERATURES, BIASES))
    assert again.thresholds == pytest.approx(rules.thresholds)
    assert replace(again, thresholds=rules.thresholds) == rules
    assert without_calibration(rules) is rules
