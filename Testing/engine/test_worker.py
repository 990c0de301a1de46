"""The worker through its real pipes and inside this process: results, the check, the warm model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from support.cases import HEAD_SIZED, SMALL, expected_threshold_labels, small_case
from support.models import saved, threshold_model
from support.worker import Event, RunningWorker, Script, end_of, worker_request
from tumorseg.modelfile import Model
from tumorseg.volume import Volume
from tumorseg.worker import Worker


def test_a_segmentation_arrives_with_progress_labels_and_provenance(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    events = []
    for event in worker.events():
        events.append(event)
        if event["event"] != "progress":
            break
    *progress, result = events
    assert list(dict.fromkeys(event["stage"] for event in progress)) == [
        "load",
        "check",
        "prepare",
        "predict",
        "finish",
    ]
    assert {event["id"] for event in events} == {"1"}
    assert result["event"] == "result"
    assert result["reference"] == "t1ce"
    assert result["provenance"]["input_flair_uids"] == "1.2.flair"
    labels = np.load(tmp_path / result["labels"])
    np.testing.assert_array_equal(labels, expected_threshold_labels(small_case()["t1ce"]))
    assert result["measurements"]["WT"]["volume_ml"] == pytest.approx(np.count_nonzero(labels) / 1000)
    uncertainty = np.load(tmp_path / result["uncertainty"])
    assert (uncertainty.dtype, uncertainty.shape) == (np.uint8, labels.shape)
    assert "report" not in result


def test_a_result_tells_lesions_and_quality_and_writes_the_report_when_asked(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]]
) -> None:
    script, next_event = inside
    model = threshold_model((0.5, 1.0, 2.0))
    path = saved(replace(model, spec=replace(model.spec, spacing=HEAD_SIZED.spacing)), tmp_path)
    script.send(**{**worker_request(tmp_path, path, small_case(HEAD_SIZED)), "report": True, "case": "Jane <Doe>"})
    result = end_of("1", next_event)
    assert result["event"] == "result", result
    assert result["foci"] == len(result["lesions"]) > 0
    lesion = result["lesions"][0]
    ends = np.array(lesion["longest"])
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(lesion["longest_diameter_mm"], abs=0.01)
    assert np.array(lesion["perpendicular"]).shape == (2, 3)
    assert lesion["side"] in ("left", "right", "midline")
    assert result["side"] in ("left", "right", "midline")
    assert 0 < result["quality"]["score"] <= 1
    assert (result["quality"]["sentence"] is None) == (not result["quality"]["reasons"])
    report = (tmp_path / result["report"]).read_text(encoding="utf-8")
    assert "<h1>Jane &lt;Doe&gt;</h1>" in report


class Witness(StringIO):
    """Notes for each event which files of a folder are mapped when it is sent; the last one ends the script."""

    def __init__(self, folder: Path, script: Script) -> None:
        super().__init__()
        self.folder, self.script = folder, script
        self.mapped: dict[str, list[str]] = {}

    def write(self, line: str) -> int:
        mapped = [entry for entry in Path("/proc/self/maps").read_text().splitlines() if str(self.folder) in entry]
        self.mapped[json.loads(line)["event"]] = mapped
        if "progress" not in line:
            self.script.end()
        return super().write(line)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what a process has mapped")
@pytest.mark.parametrize(("model", "end"), [(threshold_model(), "result"), (None, "error")])
def test_the_volumes_files_are_let_go_before_the_end_is_told(tmp_path: Path, model: Model | None, end: str) -> None:
    """The client deletes them then, which Windows refuses for files that are mapped."""
    path = saved(model or threshold_model(), tmp_path)
    request = worker_request(tmp_path, path)
    if model is None:
        path.write_bytes(b"damaged")
    script = Script()
    events = Witness(tmp_path, script)
    script.send(**request)
    Worker(events).run(script)
    assert events.mapped["progress"]
    assert events.mapped[end] == []


def test_the_model_stays_loaded_until_released(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(request="status")
    assert worker.wait_for("status")["model"] is None
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    worker.wait_for("result")
    worker.send(request="status")
    assert worker.wait_for("status")["model"] == "threshold"
    worker.send(request="release")
    assert worker.wait_for("status")["model"] is None


def test_check_returns_all_findings_without_a_run(tmp_path: Path, worker: RunningWorker) -> None:
    case = small_case()
    case["t2"] = Volume(np.zeros(SMALL.shape, np.float32), SMALL, "empty")
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), case, request="check"))
    result = worker.wait_for("result", "error")
    assert "constant" in [finding["code"] for finding in result["findings"]]
    assert "labels" not in result


def test_check_needs_no_network(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it now fails
    script.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), request="check"))
    assert next_event()["event"] == "result"


def test_warm_loads_the_model_before_the_first_run(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    script.send(request="warm", model=str(saved(threshold_model(), tmp_path)), device="cpu")
    status = next_event()
    assert (status["event"], status["model"], status["device"]) == ("status", "threshold", "cpu")
    assert (status["reason"], status["torch"]) == ("The CPU was asked for.", torch.__version__)
    assert status["cuda"] == torch.cuda.is_available()
    script.send(request="warm", model="best")
    assert next_event()["kind"] == "model"


def test_voxels_of_any_type_give_the_same_result(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    """The parent writes what it has, such as the whole numbers of DICOM; the engine computes with float32."""
    script, next_event = inside
    model = saved(threshold_model(), tmp_path)
    whole = {
        name: replace(volume, array=np.rint(volume.array).astype(np.float32)) for name, volume in small_case().items()
    }
    results = []
    for dtype in (np.float32, np.int16):
        case = {name: replace(volume, array=volume.array.astype(dtype)) for name, volume in whole.items()}
        script.send(**worker_request(tmp_path, model, case, id=dtype.__name__))
        event = end_of(dtype.__name__, next_event)
        assert event["event"] == "result", event
        results.append((np.load(tmp_path / event["labels"]), np.load(tmp_path / event["uncertainty"])))
    assert results[0][0].any()
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
