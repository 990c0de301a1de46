"""Calibration and the rule for ET: what is fitted, when it is used, and that it reaches the run's model file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from support.finished_runs import write_noisy_cases, write_prepared_index, write_run
from support.models import one_channel_model, saved, threshold_model
from tumorseg.images import read_labels
from tumorseg.modelfile import PostProcessing, load_model, read_spec
from tumorseg.network import Ensemble, member_name
from tumorseg.regions import UNDIVIDED, region_mask
from tumorseg_training.calibrate import fit_rules
from tumorseg_training.calibration_report import calibration_markdown
from tumorseg_training.cli import main
from tumorseg_training.enhancing_rule import choose_enhancing_rule
from tumorseg_training.figures.reliability import load_reliability
from tumorseg_training.logit_histogram import LogitHistogram, edge_of, edge_probability, logit_histogram
from tumorseg_training.metrics import read_scores
from tumorseg_training.metrics.overlap import dice
from tumorseg_training.temperature import fit_calibration

SHAPE = (12, 20, 20)


def _histogram(seed: int, temperature: float = 1.0, bias: float = 0.0, centre: float = -2.0) -> LogitHistogram:
    """A case whose network is wrong by a known temperature and bias."""
    random = np.random.default_rng(seed)
    true_logits = random.normal(centre, 3, (60, 60, 60))
    truth = (random.random(true_logits.shape) < expit(true_logits)).astype(np.uint8) * 3
    shown = expit((true_logits - bias) * temperature).astype(np.float32)
    return logit_histogram(shown, truth, "ET", np.ones(truth.shape, bool), 0.001)


def _blob(voxels: int, found: int, overlap: int, voxel_ml: float = 0.001) -> LogitHistogram:
    """A case with so many voxels of ET, and so many found with probability 0.9."""
    inside, every = np.zeros((2, 1024), np.int64)
    place = edge_of(0.9)
    inside[place], every[place], inside[10] = overlap, found, voxels - overlap
    every[10] = 100_000 - found
    return LogitHistogram(inside, every, voxels, voxel_ml)


def test_a_histogram_knows_the_dice_of_every_threshold() -> None:
    random = np.random.default_rng(0)
    probability = random.random(SHAPE).astype(np.float32)
    truth = (random.random(SHAPE) < probability).astype(np.uint8) * 3
    brain = random.random(SHAPE) < 0.9
    counted = logit_histogram(probability, truth, "ET", brain, 0.001)
    for threshold in (0.2, 0.5, 0.8):
        edge = edge_of(threshold)
        inside, found = counted.above(edge)
        expected = dice(brain & (probability > edge_probability(edge)), region_mask(truth, "ET"))
        assert 2 * inside / (found + counted.true) == pytest.approx(expected)
    assert counted.all.sum() == np.count_nonzero(brain)


def test_certain_voxels_are_counted_at_the_ends() -> None:
    probability = np.array([[[0.0, 1.0, 0.5]]], np.float32)
    counted = logit_histogram(probability, np.array([[[0, 3, 0]]], np.uint8), "ET", np.ones((1, 1, 3), bool), 0.001)
    assert (counted.all[0], counted.all[-1], counted.all[512]) == (1, 1, 1)
    assert counted.inside[-1] == 1


@pytest.mark.parametrize(("temperature", "bias"), [(2.0, 0.5), (0.7, -0.3)])
def test_a_known_error_is_found(temperature: float, bias: float) -> None:
    fit = fit_calibration([_histogram(seed, temperature, bias) for seed in range(3)])
    assert fit.used
    assert fit.temperature == pytest.approx(temperature, rel=0.03)
    assert fit.bias == pytest.approx(bias, abs=0.05)
    assert fit.nll_held_out < fit.nll_before
    assert fit.ece_after < 0.2 * fit.ece_before
    assert sum(b.share for b in fit.after) == pytest.approx(1)
    assert all(b.probability == pytest.approx(b.frequency, abs=0.03) for b in fit.after)


def test_what_does_not_help_other_cases_is_not_used() -> None:
    alone = fit_calibration([_histogram(0, 2.0)])
    assert (alone.used, alone.temperature, alone.bias) == (False, 1, 0)
    assert alone.ece_after == alone.ece_before
    contrary = fit_calibration([_histogram(0, 3.0), _histogram(1, 0.3)])
    assert not contrary.used
    absent = fit_calibration([_blob(0, 10, 0), _blob(0, 20, 0)])
    assert (absent.used, absent.present) == (False, 0)


def _with_false_parts(cases: int) -> list[LogitHistogram]:
    """Half of the cases have a large enhancing part, the others a false one of 0.1 mL."""
    return [_blob(5000, 5000, 4500) if number % 2 else _blob(0, 100, 0) for number in range(cases)]


def test_small_false_parts_become_core_where_that_helps() -> None:
    rule = choose_enhancing_rule(_with_false_parts(12), 0.5, 0.0)
    assert rule.used
    assert rule.min_ml == 0.2  # the smallest volume that is above 0.1 mL
    assert rule.threshold == 0.5
    assert (rule.cases, rule.without) == (12, 6)
    assert (rule.dice_before, rule.dice_best, rule.dice_held_out) == pytest.approx((0.45, 0.95, 0.95))


def test_a_handful_of_cases_chooses_no_rule() -> None:
    rule = choose_enhancing_rule(_with_false_parts(6), 0.5, 0.1)
    assert (rule.used, rule.min_ml, rule.threshold, rule.dice_held_out) == (False, 0.1, 0.5, None)
    assert rule.dice_best > rule.dice_before


def test_a_rule_that_is_as_good_stays() -> None:
    rule = choose_enhancing_rule([_blob(5000, 5000, 4500)] * 9, 0.45, 0.0)
    assert (rule.used, rule.threshold, rule.min_ml) == (False, 0.45, 0.0)


def test_all_fits_together_keep_the_order_of_the_regions() -> None:
    histograms = {
        "WT": [_histogram(seed, 2.0, 0.5) for seed in range(12)],
        "TC": [_histogram(0)],
        "ET": _with_false_parts(12),
    }
    report = fit_rules(histograms, PostProcessing(thresholds=(0.5, 0.5, 0.5), min_component_ml=0.3))
    assert report.rules.temperatures[:2] == (pytest.approx(2.0, rel=0.03), 1.0)
    assert report.rules.thresholds[:2] == (pytest.approx(float(expit(report.rules.biases[0]))), 0.5)
    assert (report.rules.min_enhancing_ml, report.rules.min_component_ml) == (0.2, 0.3)
    text = calibration_markdown(report)
    assert "Reliability of WT" in text
    assert "less than 0.2 mL becomes core. Chosen on 12 cases, 6 of them without enhancing tumor" in text


def test_a_model_of_the_whole_tumor_has_no_rule_for_et() -> None:
    report = fit_rules({"WT": [_histogram(0, 2.0), _histogram(1, 2.0)]}, PostProcessing(thresholds=(0.4,)))
    assert report.enhancing is None
    assert len(report.rules.temperatures) == 1


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with three validation and no test cases, whose model is a threshold on T1ce."""
    data, prepared = tmp_path / "data", tmp_path / "prepared"
    names = ["A", "B", "C", "D"]
    write_noisy_cases(data, names)
    write_prepared_index(prepared, data, names)
    return write_run(tmp_path / "run", prepared, ["D"], names[:3], threshold_model((0.5, 1.0, 2.0)))


def test_a_run_is_calibrated_and_scored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--run", str(run), "--device", "cpu"]
    assert main(command) == 0
    before = read_labels(run / "evaluation" / "A.nii.gz")[0]
    assert capsys.readouterr().out.splitlines()[1].startswith("A")
    assert main([*command, "--split", "validation", "--calibrate"]) == 0
    out = capsys.readouterr().out
    assert "3 (3 with it)" in out
    assert "The rule for ET stays as it is: 3 cases are too few" in out
    assert "3 of the 3 cases fitted its calibration and rules" in out
    spec = read_spec(run / "model.safetensors")
    assert max(spec.postprocessing.temperatures) > 2  # a step is far too sure of noisy labels
    assert spec.training["calibration"]["cases"] == ["A", "B", "C"]
    reliability = load_reliability(run / "model.safetensors")["WT"]
    assert reliability.used
    assert sum(found.share for found in reliability.after) == pytest.approx(1)
    np.testing.assert_array_equal(read_labels(run / "evaluation" / "A.nii.gz")[0], before)
    assert "Reliability of ET" in (run / "calibration.md").read_text()
    fitted = spec.postprocessing
    assert main([*command, "--calibrate"]) == 0
    again = read_spec(run / "model.safetensors").postprocessing
    assert again.temperatures == pytest.approx(fitted.temperatures, rel=1e-3)
    assert again.thresholds == pytest.approx(fitted.thresholds, rel=1e-3)


def test_parts_of_a_run_have_folders_of_their_own(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--run", str(run), "--device", "cpu"]
    assert main([*command, "--split", "train"]) == 0
    assert (run / "evaluation-train" / "D.nii.gz").exists()
    assert main([*command, "--split", "test"]) == 2
    assert "has no test cases; choose others with --split" in capsys.readouterr().err


def test_some_cases_alone_leave_the_scores_of_all_where_they_are(run: Path) -> None:
    command = ["evaluate", "--run", str(run), "--device", "cpu"]
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in (run / "evaluation").iterdir()}
    assert main([*command, "--case", "B"]) == 0
    assert {path.name: path.read_bytes() for path in (run / "evaluation").iterdir()} == before


def test_a_run_of_the_whole_tumor_is_scored_on_it_alone(run: Path) -> None:
    """As the recipe paper makes it: one sequence, one region."""
    saved(one_channel_model(), run)
    assert main(["evaluate", "--run", str(run), "--device", "cpu", "--calibrate"]) == 0
    for scores in read_scores(run / "evaluation" / "scores.csv").values():
        assert list(scores) == ["WT"]
    assert set(np.unique(read_labels(run / "evaluation" / "A.nii.gz")[0])) <= {0, UNDIVIDED}
    assert list(load_reliability(run / "model.safetensors")) == ["WT"]


def test_an_ensemble_is_scored_and_stays_one_when_calibrated(run: Path) -> None:
    first, second = threshold_model((0.5, 1.0, 2.0)), threshold_model((0.5, 1.0, 2.0))
    network = Ensemble(first.spec.network_config, 2)
    for number, member in enumerate((first, second)):
        network.get_submodule(member_name(number)).load_state_dict(member.network.state_dict())
    saved(replace(first, spec=replace(first.spec, members=2), weights=network.eval()), run)
    assert main(["evaluate", "--run", str(run), "--device", "cpu", "--calibrate"]) == 0
    together = read_scores(run / "evaluation" / "scores.csv")
    assert load_model(run / "model.safetensors").spec.members == 2
    saved(first, run)
    assert main(["evaluate", "--run", str(run), "--device", "cpu"]) == 0
    alone = read_scores(run / "evaluation" / "scores.csv")
    assert [scores["WT"]["dice"] for scores in together.values()] == [scores["WT"]["dice"] for scores in alone.values()]


def test_a_case_that_is_gone_does_not_stop_the_others(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run.parent / "data" / "B" / "Case_seg.nii.gz").unlink()
    assert main(["evaluate", "--run", str(run), "--device", "cpu"]) == 2
    printed = capsys.readouterr()
    assert "B is not in" in printed.err
    assert [line.split()[0] for line in printed.out.splitlines()[1:3]] == ["A", "C"]
    (run / "split.json").write_text("{}")
    assert main(["evaluate", "--run", str(run)]) == 2
    assert "split.json is damaged; train the run again" in capsys.readouterr().err


def test_export_keeps_what_was_fitted(run: Path) -> None:
    assert main(["evaluate", "--run", str(run), "--device", "cpu", "--calibrate"]) == 0
    fitted = read_spec(run / "model.safetensors").postprocessing
    card = run / "card.toml"
    card.write_text('name = "mine"\nversion = "1"\n[card]\ntitle = "Mine"\n[postprocessing]\nmin_component_ml = 0.5\n')
    assert main(["export", "--run", str(run), "--card", str(card), "--output", str(run / "mine.safetensors")]) == 0
    assert read_spec(run / "mine.safetensors").postprocessing == replace(fitted, min_component_ml=0.5)
