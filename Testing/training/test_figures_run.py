"""Figures of a run: what its tables say, published and measured apart, and words for what is missing."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from support.cases import SMALL
from support.models import random_model, saved
from support.small_data import NESTED, write_data, write_run, write_table
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels
from tumorseg.regions import ED, ET, NCR, SEGMENTS, UNDIVIDED
from tumorseg_training.cli import main
from tumorseg_training.figures import canvas
from tumorseg_training.figures.case_view import load_view
from tumorseg_training.figures.comparison import INTERVAL, markdown, measured, sections
from tumorseg_training.figures.comparison_table import comparison_table
from tumorseg_training.figures.curves import training_curves
from tumorseg_training.figures.extremes import Compared, choose_extremes, extremes
from tumorseg_training.figures.published import definitions, paper, results
from tumorseg_training.figures.reliability import load_reliability, reliability_plot
from tumorseg_training.figures.run_record import RunRecord, load_run
from tumorseg_training.preparation import Settings, prepare_folder
from tumorseg_training.temperature import ReliabilityBin

EPOCHS = (
    {
        "epoch": 0,
        "train_loss": 1.0,
        "validation_loss": "",
        "dice_WT": "",
        "nothing_dice_mean": "",
        "accuracy": "",
        "paper_dice": "",
    },
    {
        "epoch": 1,
        "train_loss": 0.5,
        "validation_loss": 0.6,
        "dice_WT": 0.7,
        "nothing_dice_mean": 0.3,
        "accuracy": 0.99,
        "paper_dice": 0.4,
    },
)
FILES = ("modalities", "planes", "overlay", "labels", "training", "split", "extremes", "reliability", "comparison")


@pytest.fixture(autouse=True)
def _coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few dots are drawn as well, and quicker."""
    monkeypatch.setattr(canvas, "DOTS_PER_INCH", 30)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cases in two folds."""
    folder = tmp_path_factory.mktemp("run")
    data = write_data(folder / "data", [f"Case_{number}" for number in range(4)])
    prepare_folder([data], folder / "prepared", Settings(folds=2, test=0))
    return folder / "prepared"


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    """A run of the first fold with curves and an evaluation that kept its predictions."""
    run = write_run(tmp_path / "my run", prepared)
    write_table(run / "metrics.csv", EPOCHS)
    rows, nothing = [], []
    for number, case in enumerate(load_run(run).validation):
        rows.append(
            {
                "case": case,
                **{f"dice_{region}": 0.5 + 0.25 * number for region in ("WT", "TC", "ET")},
                "lesion_dice_WT": "" if number else 0.25,
            }
        )
        nothing.append({"case": case, "dice_WT": 0, "dice_TC": 0, "dice_ET": number})
    write_table(run / "evaluation" / "scores.csv", rows)
    write_table(run / "evaluation" / "scores-nothing.csv", nothing)
    _summarise(run)
    for case in load_run(run).validation:
        write_labels(np.roll(NESTED, 1, 2), SMALL, run / "evaluation" / f"{case}.nii.gz")
    return run


def _summarise(run: Path, cases: int = 2, notes: Sequence[str] = (), problems: Sequence[str] = ()) -> None:
    """The summary of an evaluation, with intervals of two regions."""
    dice = {"WT": (0.5, 0.75), "TC": (0.25, 0.875), "ET": (None, None)}
    metrics = {region: {"dice": {"low": low, "high": high}} for region, (low, high) in dice.items()}
    document = {"version": 1, "cases": cases, "notes": list(notes), "problems": list(problems), "metrics": metrics}
    (run / "evaluation" / "summary.json").write_text(json.dumps(document))


def _draw(run: Path, *more: str) -> int:
    return main(["figures", "--run", str(run), "--output", str(run / "figures"), *more])


def _calibrated(run: Path) -> None:
    """A model whose calibration helps WT, does not help TC, and knows nothing of ET."""
    bins = [asdict(ReliabilityBin(0.5, probability, frequency)) for probability, frequency in ((0.1, 0.3), (0.9, 0.6))]
    fit = {"cases": 3, "ece_before": 0.25, "ece_after": 0.125, "before": bins, "after": bins[:1]}
    fitted = {"regions": {"WT": {**fit, "used": True}, "TC": {**fit, "used": False}}}
    model = random_model()
    saved(replace(model, spec=replace(model.spec, training={"calibration": fitted})), run)


def test_every_figure_is_drawn(run: Path) -> None:
    _calibrated(run)
    assert _draw(run) == 0
    for name in FILES:
        assert (run / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "figures" / "comparison.md").read_text().startswith("# my run and published results")


def test_what_is_missing_is_said_and_the_rest_is_drawn(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", prepared)
    assert _draw(run, "--format", "svg", "--case", "Case_3") == 0
    missing = capsys.readouterr().err.splitlines()
    assert missing == [
        f"training.svg is not drawn: {run} has no metrics.csv with epochs yet.",
        f"extremes.svg is not drawn: There are no scores in {run / 'evaluation'}; run tumorseg-train evaluate "
        f"--run {run} first.",
        f"reliability.svg is not drawn: There is no model.safetensors in {run} yet.",
    ]
    lacking = ("training", "extremes", "reliability")
    written = {path.name for path in (run / "figures").iterdir()}
    assert written == {f"{name}.svg" for name in FILES if name not in lacking} | {"comparison.md"}


def test_lost_predictions_and_another_split_are_told(
    run: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(prepared, moved)
    document = json.loads((moved / "split.json").read_text())
    (moved / "split.json").write_text(json.dumps(document | {"seed": 1}))
    worst = min(load_run(run).scores, key=lambda case: load_run(run).scores[case]["dice_WT"])
    (run / "evaluation" / f"{worst}.nii.gz").unlink()
    assert _draw(run, "--prepared", str(moved)) == 0
    missing = capsys.readouterr().err.splitlines()
    assert missing == [
        f"split.png is not drawn: {moved} was split anew since the run was made.",
        f"extremes.png is not drawn: {run / 'evaluation'} holds no prediction of {worst}; evaluate the run again.",
        f"reliability.png is not drawn: There is no model.safetensors in {run} yet.",
    ]


def test_folders_that_cannot_be_drawn_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"is not the folder of a run, it has no split\.json"):
        load_run(tmp_path / "nowhere")
    split = json.loads((run / "split.json").read_text())
    (run / "split.json").write_text(json.dumps(split | {"prepared": str(tmp_path / "gone")}))
    with pytest.raises(BadInputError, match=r"The prepared folder .*gone of .* is gone; say where it is with --prep"):
        load_run(run)
    (run / "split.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"split.json is damaged"):
        load_run(run)


def test_an_unknown_case_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _draw(run, "--case", "Case_9") == 2
    assert "holds no case Case_9" in capsys.readouterr().err


def test_empty_cells_are_left_out(run: Path) -> None:
    first, second = load_run(run).epochs
    assert first == {"epoch": 0, "train_loss": 1}
    assert second["dice_WT"] == 0.7


def test_another_evaluation_of_the_run_can_be_shown(run: Path) -> None:
    (run / "evaluation").rename(run / "evaluation-validation")
    assert load_run(run).scores == {}
    record = load_run(run, evaluation=run / "evaluation-validation")
    case = record.validation[0]
    assert list(record.scores) == list(record.validation)
    assert record.prediction(case) == run / "evaluation-validation" / f"{case}.nii.gz"
    assert record.prediction("Case_77") is None


def test_curves_show_the_epochs_that_have_a_number(run: Path) -> None:
    loss, dice, accuracy = training_curves(load_run(run).epochs, 0.97).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in loss.lines}  # type: ignore[union-attr]
    assert lines == {"training": [[1, 1], [2, 0.5]], "validation": [[2, 0.6]]}
    assert [line.get_label() for line in dice.lines] == ["WT", "predicting nothing, mean"]
    assert dice.lines[1].get_ydata() == [0.3, 0.3]
    assert [line.get_label() for line in accuracy.lines] == ["validation", "predicting nothing"]


def test_extremes_are_ranked_by_the_mean_over_regions() -> None:
    scores = {
        "a": {"dice_WT": 0.9, "dice_ET": 0.1},
        "b": {"dice_WT": 0.8, "dice_ET": 0.8},
        "c": {"dice_WT": 0.6},
        "d": {"hd95_WT": 1.0},
    }
    assert choose_extremes(scores) == {"Best": "b", "Median": "c", "Worst": "a"}
    assert choose_extremes({name: scores[name] for name in "ab"}) == {"Best": "b", "Worst": "a"}
    assert choose_extremes({"d": scores["d"]}) == {}


def test_measured_figures_stand_under_their_definition_beside_predicting_nothing(run: Path) -> None:
    lines = {(line.definition, line.method): line for line in measured(load_run(run))}
    assert set(lines) == {("brats", "my run"), ("brats", "Predicting nothing"), ("lesions", "my run")}
    own = lines["brats", "my run"]
    assert (own.published, own.data, own.cells) == (False, "validation of fold 0, 2", ["0.625"] * 3 + ["0.625"])
    assert lines["brats", "Predicting nothing"].cells == ["0.000", "0.000", "0.500", "0.167"]
    assert lines["lesions", "my run"].cells == ["0.250", "", "", ""]


def test_sections_never_mix_definitions_and_mark_what_was_measured(run: Path) -> None:
    record = load_run(run)
    for section, definition in zip(sections(record), definitions(), strict=False):
        known = {line.method for line in (*results(), *measured(record)) if line.definition == definition.key}
        assert {row[0] for row in section.rows} - {INTERVAL} == known
        for row, own in zip(section.rows, section.measured, strict=True):
            assert ("measured" in row, "published" in row) == (own, not own)
    text = markdown(record)
    assert "| **my run** | **validation of fold 0, 2** | **0.625** |" in text
    assert "| nnU-Net, winner of 2020, ensemble | BraTS 2020 test, 166 | 0.8895 | 0.8506 | 0.8203 |" in text
    assert text.count("## ") == len(definitions()) + 1


def test_the_papers_metrics_are_compared_with_the_same_of_the_run(run: Path) -> None:
    own, printed = sections(load_run(run))[-1].rows
    assert own[:5] == ("my run", "validation of fold 0, 2", "0.9900", "0.4000", "")
    assert printed[2:5] == ("0.9934", "0.5816", "0.3756")


def test_the_papers_metrics_are_those_of_the_weights_that_were_kept(run: Path) -> None:
    later = {**EPOCHS[1], "epoch": 2, "accuracy": 0.95, "paper_dice": 0.3}
    write_table(run / "metrics.csv", (*EPOCHS, later))
    assert sections(load_run(run))[-1].rows[0][2] == "0.9500"  # no model yet: the last
    model = random_model()
    saved(replace(model, spec=replace(model.spec, training={"epoch": 1})), run)
    assert sections(load_run(run))[-1].rows[0][2] == "0.9900"


def test_a_run_that_scored_training_cases_says_so(run: Path) -> None:
    record: RunRecord = load_run(run)
    _summarise(run)
    rows = [{"case": record.train[0], "dice_WT": 0.9}, {"case": record.validation[0], "dice_WT": 0.8}]
    write_table(run / "evaluation" / "scores.csv", rows)
    assert measured(load_run(run))[0].data == "training and validation of fold 0, 2"


def test_means_are_shown_with_their_intervals(run: Path) -> None:
    brats, *others = sections(load_run(run))
    assert [row[:6] for row in brats.rows[:2]] == [
        ("my run", "validation of fold 0, 2", "0.625", "0.625", "0.625", "0.625"),
        (INTERVAL, "", "0.50-0.75", "0.25-0.88", "", ""),
    ]
    assert brats.measured[:3] == (True, True, True)
    assert not any(row[0] == INTERVAL for section in others for row in section.rows)


def test_notes_of_the_evaluation_stand_beside_its_figures(run: Path) -> None:
    note = "2 of the 2 cases trained this model: their scores say nothing about new patients."
    _summarise(run, notes=[note], problems=["Case_9: it is gone."])
    record = load_run(run)
    text = markdown(record)
    assert f"**† {note}**" in text
    assert "Some cases could not be scored" in text
    assert "| **my run** | **validation of fold 0, 2 †** |" in text
    drawn = [text.get_text() for text in comparison_table(sections(record), record.summary.notes).axes[0].texts]
    assert drawn[1] == f"† {note}"
    assert "validation of fold 0, 2 †" in drawn


@pytest.mark.parametrize("scored", [0, 3])
def test_an_evaluation_that_is_not_finished_is_told(run: Path, scored: int) -> None:
    if scored:
        _summarise(run, scored)
    else:
        (run / "evaluation" / "summary.json").unlink()
    summary = load_run(run).summary
    assert "it was stopped or changed: evaluate the run again" in summary.notes[0]
    assert summary.intervals == {}


def test_a_damaged_summary_is_refused(run: Path) -> None:
    (run / "evaluation" / "summary.json").write_text('{"version": 1, "cases": 2, "notes": 3}')
    with pytest.raises(BadInputError, match=r"summary\.json is damaged or was changed by hand"):
        load_run(run)


def test_reliability_is_drawn_before_and_after_calibration(run: Path) -> None:
    _calibrated(run)
    whole, core = reliability_plot(load_reliability(run / "model.safetensors")).axes
    lines = {str(line.get_label()): line.get_xydata().tolist() for line in whole.lines[1:]}  # type: ignore[union-attr]
    assert lines == {"network, ECE 0.2500": [[0.1, 0.3], [0.9, 0.6]], "calibrated, ECE 0.1250": [[0.1, 0.3]]}
    assert [line.get_label() for line in core.lines[1:]] == ["network, ECE 0.2500"]
    assert core.get_title(loc="left") == "TC, 3 cases, calibration not used"


def test_a_model_without_calibration_has_no_reliability(run: Path) -> None:
    with pytest.raises(BadInputError, match=r"is not calibrated; run tumorseg-train evaluate --run .* --calibrate"):
        load_reliability(saved(random_model(), run))


def test_a_run_of_the_whole_tumor_is_drawn_with_one_region(run: Path) -> None:
    """A prediction of the undivided tumor differs from divided truth only where there is tumor or none."""
    rows = [{"case": case, "dice_WT": 0.5} for case in load_run(run).validation]
    write_table(run / "evaluation" / "scores.csv", rows)
    write_table(run / "metrics.csv", [{"epoch": 0, "train_loss": 1.0, "dice_WT": 0.4, "dice_mean": 0.4}])
    for row in rows:
        write_labels((NESTED > 0).astype(np.uint8) * UNDIVIDED, SMALL, run / "evaluation" / f"{row['case']}.nii.gz")
    record = load_run(run)
    dice = training_curves(record.epochs, None).axes[1]
    assert [line.get_label() for line in dice.lines] == ["WT"]
    assert [row[2:6] for row in sections(record)[0].rows[:1]] == [("0.500", "", "", "")]
    view = load_view(record.prepared, record.prepared.cases[0])
    prediction = (view.labels > 0).astype(np.uint8) * UNDIVIDED
    differences = extremes([Compared("Best", view, prediction, {"WT": 1.0})]).axes[-1]
    masks = [image.get_array() for image in differences.images[1:]]
    assert [float(mask[..., 3].max()) for mask in masks if mask is not None] == [0, 0, 0]
    assert _draw(run) == 0


def test_published_figures_are_complete() -> None:
    keys = [definition.key for definition in definitions()]
    for line in results():
        assert line.definition in keys
        assert line.source
        assert line.note or any(line.cells)
        assert all(0 < value < 1 for value in (line.WT, line.TC, line.ET, line.mean) if value is not None)
    assert paper()["mean_iou"] == 0.3756


def test_the_picture_in_the_docs_has_the_color_of_every_region() -> None:
    pixels = imread(Path(__file__).parents[2] / "docs" / "images" / "figure-training.png")[..., :3]
    for label in (NCR, ED, ET):
        near = np.abs(pixels - SEGMENTS[label].color).max(axis=-1) < 0.03
        assert np.count_nonzero(near) > 20, SEGMENTS[label].name
