"""The command crossval: every case by the network that never saw it, what is chosen, kept, compared and written."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.finished_runs import write_noisy_cases, write_prepared_index, write_run
from support.models import saved, threshold_model
from tumorseg.modelfile import ModelCard, load_model, read_spec, save_model
from tumorseg.regions import ED, ET, NCR
from tumorseg_training.cli import main
from tumorseg_training.crossval import held_out
from tumorseg_training.crossval.agreement import Pair, agreement
from tumorseg_training.crossval.evidence import gather, nested
from tumorseg_training.crossval.kept_logits import keep_logits, kept_probabilities
from tumorseg_training.crossval.part_table import part_table
from tumorseg_training.crossval.report import rule_sentence
from tumorseg_training.crossval.rules import choose_rule
from tumorseg_training.metrics import read_scores, region_dice

NAMES = ("A", "B", "C", "D")
REGIONS = ("WT", "TC", "ET")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of two cases each, whose networks differ, two cases that neither saw, and the report of all."""
    root = tmp_path_factory.mktemp("crossval")
    write_noisy_cases(root / "data", NAMES)
    write_noisy_cases(root / "unseen", ("X", "Y"), first_seed=10)
    write_prepared_index(root / "prepared", root / "data", NAMES)
    for name, train, values in (("fold0", NAMES[2:], (0.5, 1.0, 2.0)), ("fold1", NAMES[:2], (0.4, 1.2, 1.8))):
        validation = [case for case in NAMES if case not in train]
        write_run(root / name, root / "prepared", train, validation, threshold_model(values))
    command = [*_command(root), "--unseen", str(root / "unseen"), "--called", "real cases", "--compare-tiles"]
    assert main(command) == 0
    return root


@pytest.fixture
def folds(source: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(source, tmp_path / "copy")


def _command(root: Path) -> list[str]:
    runs = [str(root / "fold0"), str(root / "fold1")]
    return ["crossval", *runs, "--output", str(root / "out"), "--device", "cpu"]


def _rewrite(model: Path, **changes: Any) -> None:
    """Change what a model file says. One axis of mirroring is enough: each doubles the time of a run."""
    loaded = load_model(model)
    save_model(model, replace(loaded.spec, **changes), loaded.network.state_dict())


def test_every_case_is_judged_by_the_network_that_never_saw_it(source: Path, tmp_path: Path) -> None:
    scores = read_scores(source / "out" / "scores.csv")
    assert list(scores) == list(NAMES)
    for fold, case in (("fold0", "A"), ("fold1", "C")):
        model = str(source / fold / "model.safetensors")
        command = ["evaluate", "--model", model, "--data", str(source / "data"), "--case", case, "--device", "cpu"]
        assert main([*command, "--output", str(tmp_path / fold)]) == 0
        for region, values in read_scores(tmp_path / fold / "scores.csv")[case].items():
            assert values == pytest.approx(scores[case][region], nan_ok=True)


def test_the_report_says_it_all(source: Path) -> None:
    report = (source / "out" / "crossval.md").read_text()
    assert "4 real cases, each predicted by the one of 2 networks that never saw it" in report
    for heading in ("Networks alone", "With rules that the other cases chose", "Calibration", "against tiles"):
        assert heading in report
    assert (source / "out" / "expected-dice.png").stat().st_size > 10_000
    found = json.loads((source / "out" / "crossval.json").read_text())
    assert found["fold_of"] == {"A": "fold0", "B": "fold0", "C": "fold1", "D": "fold1"}
    assert list(found["unseen"]) == ["X", "Y"]
    assert found["agreement"]["real cases"]["WT"]["cases"] == 4
    assert found["agreement"]["together"]["WT"]["cases"] == 6
    # These networks see single voxels, so how they are run does not matter.
    assert all(case["whole"] == case["tiled"] for case in found["tiles"])
    assert all(tile < crop for case in found["tiles"] for tile, crop in zip(case["tile"], case["crop"], strict=True))


def test_one_prediction_serves_everything(folds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("predicted again")

    monkeypatch.setattr(held_out, "segment", never)
    assert main(_command(folds)) == 0
    with monkeypatch.context() as later:
        later.setattr(held_out, "CACHE_VERSION", -1)
        with pytest.raises(AssertionError, match="predicted again"):
            main(_command(folds))
    (folds / "out/logits/B.npz").write_bytes(b"damaged")
    with pytest.raises(AssertionError, match="predicted again"):
        main(_command(folds))


def test_what_the_folds_teach_reaches_the_final_model(folds: Path) -> None:
    final = saved(threshold_model((0.5, 1.0, 2.0)), folds)
    before = load_model(final)
    card = ModelCard("Mine", measured=("Cross-validation, an earlier one.", "Measured by hand."))
    spec = replace(before.spec, card=card, training={"split": {"train": ["A", "B", "C"]}})
    save_model(final, spec, before.network.state_dict())
    assert main([*_command(folds), "--called", "real cases", "--apply", str(final)]) == 0
    after = load_model(final)
    assert min(after.spec.postprocessing.temperatures) > 1  # a step is far too sure of noisy labels
    assert after.spec.training["calibration"]["cases"] == list(NAMES)
    measured = after.spec.card.measured
    assert measured[0].startswith("Cross-validation, 4 real cases, each by one of 2 networks")
    assert "Cross-validation, an earlier one." not in measured
    assert measured[-1] == "Measured by hand."
    assert any("cases: A, B, C, D. This model itself was trained on 3 of these 4 cases" in line for line in measured)
    for name, weights in before.network.state_dict().items():
        np.testing.assert_array_equal(weights, after.network.state_dict()[name])
    assert main([*_command(folds), "--called", "real cases", "--apply", str(final)]) == 0
    assert read_spec(final).card.measured == measured


@pytest.mark.parametrize(
    ("changes", "asked", "told"),
    [
        ({"guides": ("t1ce",)}, [], "guides of their outlines (('t1ce',) and ())"),
        ({}, ["--tta"], "ways of averaging over mirrored inputs (False and True)"),
        ({"tta": True}, [], "ways of averaging over mirrored inputs (True and False)"),
        ({"spacing": (2.0, 2.0, 2.0)}, [], "voxel sizes ((2.0, 2.0, 2.0) and (1.0, 1.0, 1.0))"),
    ],
)
def test_what_the_folds_teach_is_not_for_a_model_that_is_run_otherwise(
    changes: dict[str, Any],
    asked: list[str],
    told: str,
    folds: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    final = saved(threshold_model((0.5, 1.0, 2.0)), folds)
    before = load_model(final)
    save_model(final, replace(before.spec, **changes), before.network.state_dict())
    content = final.read_bytes()
    monkeypatch.setattr(held_out, "segment", None)  # refused before anything is predicted
    assert main([*_command(folds), *asked, "--apply", str(final)]) == 2
    assert (
        f"{final} and the folds, as they are judged, have different {told}; give the model of the same recipe, and "
        "judge the folds as it is run."
    ) in capsys.readouterr().err
    assert final.read_bytes() == content


def test_mirrored_folds_speak_for_a_model_that_mirrors(folds: Path) -> None:
    final = saved(threshold_model((0.5, 1.0, 2.0)), folds)
    _rewrite(final, mirror_axes="x", tta=True)
    for name in ("fold0", "fold1"):
        _rewrite(folds / name / "model.safetensors", mirror_axes="x")
    assert main([*_command(folds), "--tta", "--apply", str(final)]) == 0
    assert read_spec(final).tta is True


def test_a_network_that_saw_its_cases_is_refused(folds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = {"initial": {"split": {"train": ["C"]}}}
    _rewrite(folds / "fold1" / "model.safetensors", training=base)
    assert main(_command(folds)) == 2
    assert "was trained on the patients of its own validation cases C (perhaps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"guides": ("t1ce",)}, "guides of their outlines (('t1ce',) and ())"),
        ({"spacing": (2.0, 2.0, 2.0)}, "voxel sizes ((2.0, 2.0, 2.0) and (1.0, 1.0, 1.0))"),
        ({"normalisation": "zscore-flat"}, "normalisations (zscore-flat and zscore-brain)"),
        ({"channels": ("flair", "t1", "t1ce", "t2")}, "input sequences (('flair', 't1', 't1ce', 't2') and"),
        ({"patch_size": (32, 32, 32)}, "patch sizes ((32, 32, 32) and"),
    ],
)
def test_runs_of_other_recipes_are_no_folds(
    changes: dict[str, Any], told: str, folds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _rewrite(folds / "fold0" / "model.safetensors", **changes)
    assert main(_command(folds)) == 2
    assert f"fold0 and fold1 have different {told}" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "guides"), [(["--guides", "flair"], ["flair"]), (["--guides"], []), ([], ["t1ce"])])
def test_other_guides_than_those_of_the_runs_can_be_judged(folds: Path, asked: list[str], guides: list[str]) -> None:
    for name in ("fold0", "fold1"):
        _rewrite(folds / name / "model.safetensors", guides=("t1ce",))
    shutil.rmtree(folds / "out")
    assert main([*_command(folds), *asked]) == 0
    assert json.loads((folds / "out" / "crossval.json").read_text())["subject"]["guides"] == guides


def test_logits_are_kept_for_the_same_guides_alone(folds: Path) -> None:
    kept = [folds / "out" / "logits" / f"{name}.npz" for name in NAMES]
    before = [path.read_bytes() for path in kept]
    assert main([*_command(folds), "--guides", "t1ce"]) == 0
    assert not set(before) & {path.read_bytes() for path in kept}


def test_guides_that_the_networks_do_not_see_are_refused(folds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_command(folds), "--guides", "adc"]) == 2
    assert "--guides must be different ones of t1, t1ce, t2, flair." in capsys.readouterr().err


@pytest.mark.parametrize("tta", ["fold0", "both"])
def test_models_that_want_to_be_mirrored_are_told_and_not_mixed_with_others(
    folds: Path, tta: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("fold0", "fold1"):
        _rewrite(folds / name / "model.safetensors", mirror_axes="x", tta=tta in (name, "both"))
    shutil.rmtree(folds / "out")
    if tta == "both":
        assert main(_command(folds)) == 0
        assert "averaged over mirrorings" in (folds / "out" / "crossval.md").read_text()
    else:
        assert main(_command(folds)) == 2
        assert "different ways of averaging over mirrored inputs (True and False)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["again"], "A, B is validated by more than one run"),
        (["--unseen", "data"], "A, B of --unseen belongs to the data of fold0"),
        (["--tile", "8", "8", "8"], "--tile belongs to --compare-tiles"),
        (["--compare-tiles", "--tile", "3", "8", "8"], "is not three multiples of 2"),
        (["--compare", "out", "out"], "leave the runs, --output and --apply away"),
    ],
)
def test_what_does_not_go_together_is_refused(
    folds: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folds)
    shutil.copytree(folds / "fold0", folds / "again")
    words = _command(folds)
    assert main([*words[:3], *more, *words[3:]]) == 2
    assert message in capsys.readouterr().err


def test_two_outputs_stand_beside_each_other(folds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = shutil.copytree(folds / "out", folds / "other")
    document = json.loads((other / "crossval.json").read_text())
    for case in NAMES:
        document["alone"][case]["WT"]["dice"] += 0.01
    (other / "crossval.json").write_text(json.dumps(document))
    capsys.readouterr()
    compare = ["crossval", "--compare", str(folds / "out"), str(other), "--names", "paper", "ours"]
    assert main(compare) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| case | WT, paper | WT, ours |")
    assert any("ours minus paper (95 % interval): WT +0.010 (0.01 to 0.01), TC +0.000" in line for line in lines)
    (other / "crossval.json").write_text('{"version": 1}')
    assert main(compare) == 2
    assert "is damaged" in capsys.readouterr().err


def test_kept_logits_give_the_probabilities_back(tmp_path: Path) -> None:
    probabilities = np.zeros((3, 8, 9, 10), np.float32)
    probabilities[:, 2:6, 1:5, 3:9] = np.random.default_rng(0).random((3, 4, 4, 6))
    probabilities[0, 3, 3, 3] = 1
    keep_logits(tmp_path / "a.npz", "key", probabilities)
    kept = kept_probabilities(tmp_path / "a.npz", "key")
    np.testing.assert_allclose(kept, probabilities, atol=1e-3)
    np.testing.assert_array_equal(kept > 0, probabilities > 0)
    assert kept_probabilities(tmp_path / "a.npz", "other") is None
    assert kept_probabilities(tmp_path / "none.npz", "key") is None


def test_the_part_table_knows_what_the_engine_would_do() -> None:
    """Random blobs: its arithmetic gives the same Dice as cleaning the labels with the rules."""
    from tumorseg.modelfile import PostProcessing
    from tumorseg.postprocess import clean
    from tumorseg.regions import labels_from_regions

    random = np.random.default_rng(3)
    probabilities = np.sort(random.random((3, 12, 12, 12)), axis=0)[::-1].astype(np.float32) ** 4
    truth = random.choice(np.array([0, 0, 0, NCR, ED, ET], np.uint8), (12, 12, 12))
    table = part_table(probabilities, truth, REGIONS, REGIONS, (0.5,) * 3, 0.001)
    labels = labels_from_regions(probabilities, REGIONS, (0.5,) * 3)
    for rules in ((0.0, 0.0), (0.003, 0.0), (0.01, 0.0), (0.0, 0.5)):
        cleaned = clean(labels, PostProcessing(min_component_ml=rules[0], min_enhancing_ml=rules[1]), 0.001)
        expected = np.mean(list(region_dice(cleaned, truth).values()))
        assert table.mean_dice(*rules) == pytest.approx(expected)


def _ball_case(enhancing: int, found: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truth of a core of 1000 voxels, with so many enhancing ones in truth and found."""
    truth, probabilities = np.zeros((14, 14, 14), np.uint8), np.zeros((3, 14, 14, 14), np.float32)
    truth[2:12, 2:12, 2:12] = NCR
    probabilities[:] = 0.01
    probabilities[:2, 2:12, 2:12, 2:12] = 0.9
    inner = np.flatnonzero(truth)
    truth.reshape(-1)[inner[:enhancing]] = ET
    probabilities[2].reshape(-1)[inner[:found]] = 0.9
    return probabilities, truth


def test_a_rule_is_used_only_if_it_helps_cases_that_did_not_choose_it() -> None:
    absent = [gather(*_ball_case(0, 300), REGIONS, 0.001) for _ in range(4)]
    present = [gather(*_ball_case(500, 500), REGIONS, 0.001) for _ in range(4)]
    choice = choose_rule([case.parts for case in [*absent, *present]])
    assert choice.used
    assert (choice.rule.min_enhancing_ml, choice.rule.min_component_ml, choice.rule.distance) == (0.35, 0.1, 0.0)
    assert choice.dice_held_out == pytest.approx(1.0)
    assert choice.dice_mildest == pytest.approx(1 - 0.5 / 3)
    assert not choose_rule([case.parts for case in present]).used
    # A single case with a false part can teach nothing to itself.
    rules = nested([absent[0], *present], REGIONS)
    assert rules[0].min_enhancing_ml == 0.2


def test_a_few_voxels_never_stay_whatever_the_cases_say() -> None:
    few = [gather(*_ball_case(160, 160), REGIONS, 0.001) for _ in range(4)]
    choice = choose_rule([case.parts for case in few])
    assert not choice.used
    assert (choice.rule.min_enhancing_ml, choice.rule.min_component_ml) == (0.2, 0.1)
    assert choice.dice_mildest == pytest.approx(2 / 3)
    always = "Parts below 0.1 mL go, and less enhancing tumor than 0.2 mL becomes core"
    assert f"{always}; no stronger" in rule_sentence(choice)


def test_agreement_is_that_of_scipy_and_silent_for_too_few() -> None:
    pairs = [Pair("a", 0.5, 0.4), Pair("b", 0.7, 0.9), Pair("c", 0.8, 0.8)]
    found = agreement(pairs)
    assert (found.spearman, found.mean_difference) == (pytest.approx(0.5), pytest.approx(-0.1 / 3))
    assert found.mean_error == pytest.approx(0.1)
    assert agreement(pairs[:2]).spearman is None
    assert agreement([Pair(name, 0.5, 0.5) for name in "abc"]).pearson is None
