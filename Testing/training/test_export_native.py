"""Export of one run and of several as an ensemble."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from support.cases import small_case
from support.models import random_model
from support.trained_runs import three_level_model, write_card, write_run
from tumorseg.calibration import calibrated, with_calibration
from tumorseg.modelfile import Model, PostProcessing, load_model
from tumorseg.network import Ensemble
from tumorseg.pipeline import Options, segment
from tumorseg_training.cli import main
from tumorseg_training.export.ensemble import joined_rules, joined_training
from tumorseg_training.training_notes import training_notes

CPU = Options(device="cpu")


def _export(tmp_path: Path, runs: list[Path], card: Path | None = None) -> Path:
    output = tmp_path / "mine.safetensors"
    named = [word for run in runs for word in ("--run", str(run))]
    assert main(["export", *named, "--card", str(card or write_card(tmp_path)), "--output", str(output)]) == 0
    return output


def test_one_run_keeps_weights_training_and_rules_and_gets_the_card(tmp_path: Path) -> None:
    rules = with_calibration(PostProcessing(min_enhancing_ml=0.3), (2.0, 1.5, 1.0), (0.1, 0.0, -0.2))
    model = three_level_model(rules=rules)
    exported = load_model(_export(tmp_path, [write_run(tmp_path / "run", model)]))
    assert (exported.spec.name, exported.spec.version, exported.spec.card.title) == ("mine", "2.0", "My model")
    assert (exported.spec.postprocessing, exported.spec.training) == (rules, model.spec.training)
    assert exported.spec.members == 1
    for name, tensor in model.network.state_dict().items():
        torch.testing.assert_close(exported.network.state_dict()[name], tensor.half().float(), rtol=0, atol=0)


def test_the_card_replaces_fitted_rules_one_by_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", three_level_model(rules=PostProcessing(min_enhancing_ml=0.3)))
    spec = load_model(_export(tmp_path, [run], write_card(tmp_path, "min_component_ml = 0.5"))).spec
    assert (spec.postprocessing.min_component_ml, spec.postprocessing.min_enhancing_ml) == (0.5, 0.3)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ("[postprocesing]\nmin_component_ml = 0.5", "unknown entry postprocesing"),
        ('limits = "of one kind"', "limits must be a list of texts"),
        ('licence = ["MIT"]', "licence must be a text"),
        ("limits = [1]", "limits must be a list of texts"),
    ],
)
def test_nothing_of_a_card_is_lost_or_taken_for_something_else(
    tmp_path: Path, entries: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, card = write_run(tmp_path / "run", three_level_model()), tmp_path / "card.toml"
    card.write_text(f'name = "mine"\nversion = "1"\n[card]\ntitle = "T"\n{entries}\n', encoding="utf-8")
    arguments = ["--run", str(run), "--card", str(card), "--output", str(tmp_path / "o.safetensors")]
    assert main(["export", *arguments]) == 2
    assert f"The model card {card} cannot be used: {problem}; see docs/export.md." in capsys.readouterr().err


def test_an_ensemble_answers_with_the_mean_logits_of_its_members(tmp_path: Path) -> None:
    models = [three_level_model(seed) for seed in (0, 1, 2)]
    runs = [write_run(tmp_path / f"run{number}", model) for number, model in enumerate(models)]
    ensemble = load_model(_export(tmp_path, runs))
    assert isinstance(ensemble.network, Ensemble)
    assert ensemble.spec.members == 3
    case = small_case()
    alone = [segment(case, load_model(run / "model.safetensors"), CPU).probabilities for run in runs]
    together = segment(case, ensemble, CPU).probabilities
    clear = np.all([(one > 0.01) & (one < 0.99) for one in alone], axis=0)  # float32 rounds others to 0 and 1
    expected = expit(np.mean([logit(one[clear].astype(float)) for one in alone], axis=0))
    assert clear.sum() > 1000
    np.testing.assert_allclose(together[clear], expected, atol=1e-4)
    assert np.abs(together - alone[0]).max() > 0.05  # the members do differ


def test_an_ensemble_names_every_case_that_any_member_has_seen(tmp_path: Path) -> None:
    folds = [(["a", "b"], ["c"]), (["b", "c"], ["d"])]
    runs = []
    for number, (train, validation) in enumerate(folds):
        model = three_level_model(number)
        split = {"train": train, "validation": validation, "test": ["t"], "sha256": "s"}
        run = write_run(
            tmp_path / f"run{number}", Model(replace(model.spec, training={"split": split}), model.network, "")
        )
        runs.append(run)
    training = load_model(_export(tmp_path, runs)).spec.training
    assert training["split"] == {"train": ["a", "b", "c"], "validation": ["d"], "test": ["t"], "sha256": ["s"]}
    assert [member["split"]["train"] for member in training["members"]] == [["a", "b"], ["b", "c"]]
    assert len(training_notes(training, ["c", "d", "t"])) == 2  # c trained, d validated


def test_cases_that_fitted_a_member_are_kept_of_older_runs_too() -> None:
    joined = joined_training([{"cases": ["x"], "calibration": {"cases": ["v"]}}, {"split": {"train": ["y"]}}])
    assert joined["split"]["train"] == ["x", "y"]
    assert joined["calibration"]["cases"] == ["v"]


def test_calibrations_are_joined_so_that_agreeing_members_give_the_mean_of_their_logits() -> None:
    members = [
        with_calibration(PostProcessing(min_enhancing_ml=volume), (t,) * 3, (b,) * 3)
        for t, b, volume in ((1.0, 0.2, 0.1), (2.0, -0.4, 0.5), (4.0, 0.0, 0.2))
    ]
    rules = joined_rules(members)
    probabilities = np.linspace(0.01, 0.99, 30, dtype=np.float32).reshape(3, 10, 1, 1)
    expected = np.mean([logit(calibrated(probabilities, member)) for member in members], axis=0)
    np.testing.assert_allclose(logit(calibrated(probabilities, rules)), expected, atol=1e-4)
    assert rules.min_enhancing_ml == 0.2
    # All thresholds were 0.5 before calibration, so the labels must be those of 0.5 without it.
    assert (calibrated(probabilities, rules) > np.reshape(rules.thresholds, (3, 1, 1, 1))).tolist() == (
        probabilities > 0.5
    ).tolist()


def test_a_member_that_needed_no_calibration_counts_as_one_that_changes_nothing() -> None:
    plain = PostProcessing(thresholds=(0.4, 0.5, 0.6))
    changes_nothing = with_calibration(plain, (1.0,) * 3, (0.0,) * 3)
    other = with_calibration(PostProcessing(), (2.0, 1.5, 4.0), (0.1, 0.0, -0.2))
    rules = joined_rules([plain, other])
    assert rules.temperatures == pytest.approx((4 / 3, 1.2, 1.6))
    assert rules.biases == pytest.approx((0.05, 0.0, -0.1))
    assert rules.thresholds == pytest.approx(joined_rules([changes_nothing, other]).thresholds)


def test_rules_that_are_not_calibrated_are_joined_without_a_calibration() -> None:
    rules = joined_rules([PostProcessing((0.2, 0.5, 0.5), 0.1, 0.3), PostProcessing((0.8, 0.5, 0.5), 0.2, 0.1)])
    assert rules.thresholds == pytest.approx((0.5, 0.5, 0.5))
    assert (rules.min_component_ml, rules.min_enhancing_ml) == pytest.approx((0.15, 0.2))
    assert rules.temperatures == ()


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = three_level_model()
    first = write_run(tmp_path / "first", model)
    others = {
        "different networks": three_level_model(norm="group", features=(8, 8, 8)),
        "different normalisations (zscore-brain and minmax-brain)": Model(
            replace(model.spec, normalisation="minmax-brain"), model.network, ""
        ),
        "different patch sizes ((8, 12, 16) and (16, 16, 16))": Model(
            replace(model.spec, patch_size=(16, 16, 16)), model.network, ""
        ),
        "different ways of covering the brain, in one pass or not (False and True)": Model(
            replace(model.spec, single_pass=True), model.network, ""
        ),
        "different axes of mirroring (zyx and x)": Model(replace(model.spec, mirror_axes="x"), model.network, ""),
        "different ways of averaging over mirrored inputs (False and True)": Model(
            replace(model.spec, tta=True), model.network, ""
        ),
        "different guides of their outlines (() and ('t1ce',))": Model(
            replace(model.spec, guides=("t1ce",)), model.network, ""
        ),
    }
    for number, (words, other) in enumerate(others.items()):
        second = write_run(tmp_path / f"second{number}", other)
        arguments = ["--card", str(write_card(tmp_path)), "--output", str(tmp_path / "o.safetensors")]
        assert main(["export", "--run", str(first), "--run", str(second), *arguments]) == 2
        assert f"{first} and {second} have {words}; export them separately." in capsys.readouterr().err
    assert not (tmp_path / "o.safetensors").exists()


def test_a_run_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", random_model())
    arguments = ["--card", str(write_card(tmp_path)), "--output", str(tmp_path / "o.safetensors")]
    assert main(["export", "--run", str(run), "--run", f"{run}/../run", *arguments]) == 2
    assert "A run is named twice; name each --run once." in capsys.readouterr().err


def test_rules_of_members_that_agree_stay_as_they_are() -> None:
    rules = with_calibration(PostProcessing(min_component_ml=0.1), (2.0,) * 3, (0.3,) * 3)
    assert joined_rules([rules, rules]) is rules
