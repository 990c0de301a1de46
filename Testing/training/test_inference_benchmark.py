"""The inference benchmark runs, and counts and compares as it says; how fast anything is depends on the machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from support.benchmarks import benchmark_module
from support.models import saved, threshold_model
from support.small_data import write_data

inference = benchmark_module("inference")
inference_report = benchmark_module("inference_report")
resource_use = benchmark_module("resource_use")
stage_clock = benchmark_module("stage_clock")
stages = benchmark_module("stages")
floor = benchmark_module("floor")

VERSIONS = {"python": "3.11", "versions": {"torch": "2"}}
WHERE = {
    **{"processor": "p", "cores": 2, "instructions": "i", "memory_gb": 1, "gpu": None, "system": "s", "date": "d"},
    "load": 1.0,
}


def _run(contender: str, cpu: float, case: str = "a", dice: float = 0.5, number: int = 0) -> dict:
    return {
        **{"kind": "run", "environment": 0, "round": number, "contender": contender, "case": case, "cpu": cpu},
        **{"wall": cpu, "memory": 1e9, "load": 1.0, "dice": dict.fromkeys(("WT", "TC", "ET"), dice)},
        "model": {"name": "glioma", "sha256": "0123456789abcdef" * 4},
        **VERSIONS,
    }


def _result(runs: list[dict]) -> dict:
    return {"environments": [WHERE], "options": [{}], "records": runs}


def test_a_tiny_run_compares_ours_with_monai(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("monai")
    data = write_data(tmp_path / "data", ["Case_A", "Case_B"])
    model = saved(threshold_model((0.3, 0.6, 1.0), (16, 16, 16), other_half=True), tmp_path)
    given = ["--data", data, "--model", model, "--work", tmp_path / "work", "--output", tmp_path / "out"]
    given += ["--peers", sys.prefix, "--contenders", "ours", "monai", "--rounds", "1", "--count", "1"]
    assert inference.main([str(word) for word in given]) == 0
    records = json.loads((tmp_path / "out" / "inference.json").read_text())["records"]
    found = [(record["kind"], record["contender"], record["case"]) for record in records]
    expected = [("first", "ours"), ("run", "ours"), ("run", "monai"), ("stages", "ours")]
    assert found == [(kind, contender, "Case_A") for kind, contender in expected]
    ours, monai = records[1:3]
    assert ours["dice"] == pytest.approx(monai["dice"], abs=0.01)
    assert min(ours["dice"].values()) > 0.1
    assert min(ours["cpu"], ours["wall"], ours["memory"] / 1e7) > 0.1
    named = {stage for stage, *_ in stages.FUNCTIONS} - {"follow guides"}  # at the network's own voxels
    assert {"start of Python", "imports", "first use", "other"} | named == set(records[3]["stages"])
    assert records[3]["floor"]["operations"] > 0
    table = (tmp_path / "out" / "inference.md").read_text()
    assert table.strip() in capsys.readouterr().out
    assert "| MONAI | our weights | 1 x 1 |" in table
    assert "| stage | CPU-seconds | share |" in table
    assert f"python Testing/benchmarks/inference.py --data {data} --model {model}" in table

    part = ["--part", str(tmp_path / "out" / "inference.json"), "--work", str(tmp_path / "work")]
    assert inference.main(["--contenders", *part]) == 0
    assert capsys.readouterr().out.strip() == table.strip()


def test_measured_contenders_replace_those_of_a_part(tmp_path: Path) -> None:
    part = tmp_path / "part.json"
    part.write_text(json.dumps(_result([_run("ours", 1), _run("monai-own", 9)])))
    options = inference.build_parser().parse_args(["--part", str(part), "--part", str(part), "--contenders", "ours"])
    result = inference.with_parts(options)
    assert [record["contender"] for record in result["records"]] == ["monai-own", "monai-own"]
    assert [record["environment"] for record in result["records"]] == [0, 1]
    assert len(result["environments"]) == len(result["options"]) == 3


def test_contenders_take_turns_and_costly_ones_fewer(tmp_path: Path) -> None:
    data = write_data(tmp_path, ["Case_A", "Case_B"])
    options = inference.build_parser().parse_args(["--data", str(data), "--rounds", "2", "--peers", "p"])
    chosen = [inference.CONTENDERS[name] for name in ("ours", "monai-own")]
    turns = [
        (number, case.name, who.name)
        for number, case, who in inference.turns(options, chosen, inference.chosen_cases(options))
    ]
    assert turns == [
        *[(0, "Case_A", "ours"), (0, "Case_A", "monai-own"), (0, "Case_B", "ours")],
        *[(1, "Case_A", "ours"), (1, "Case_B", "ours")],
    ]


def test_nnunet_is_left_out_with_a_model_that_compares_both_halves(tmp_path: Path) -> None:
    for other_half, left in ((True, ["ours", "nnunet-own"]), (False, ["ours", "nnunet", "nnunet-own"])):
        model = saved(threshold_model(other_half=other_half), tmp_path)
        given = ["--peers", "p", "--model", str(model), "--contenders", "ours", "nnunet", "nnunet-own"]
        options = inference.build_parser().parse_args(given)
        assert [contender.name for contender in inference._contenders(options)] == left


def test_ratios_are_of_medians_on_the_same_case() -> None:
    runs = [_run("ours", cpu, number=number) for number, cpu in enumerate((1, 2, 9))]
    runs += [_run("monai", 8), _run("ours", 5, "b"), _run("monai", 10, "b"), _run("monai", 100, "c")]
    assert inference_report.cost_ratios(runs, "monai") == [4, 2]


def test_dice_is_compared_on_common_cases() -> None:
    runs = [_run("ours", 1, dice=0.8), _run("monai", 1, dice=0.7), _run("monai", 1, "b", dice=0)]
    assert inference_report.dice_lead(runs, "monai") == pytest.approx(0.1)
    assert inference_report.dice_lead(runs, "nnunet") is None


def test_random_weights_have_no_dice() -> None:
    text = inference_report.markdown(_result([_run("ours", 2), _run("monai", 4), _run("monai-own", 90)]))
    rows = [line for line in text.splitlines() if line.startswith("| MONAI")]
    assert rows[0] == "| MONAI | our weights | 1 x 1 | 4.0 | 4.0 | 1.00 | 2.0 | 0.500 | 0.500 | 0.500 |"
    assert rows[1].endswith("| its users' network (random weights) | 1 x 1 | 90.0 | 90.0 | 1.00 | 45.0 | - | - | - |")
    assert "- our weights: glioma, SHA-256 0123456789abcdef…\n" in text


def test_goals_are_judged() -> None:
    runs = [_run("ours", 2, dice=0.801), _run("ours-torch", 16, dice=0.801), _run("monai", 4, dice=0.8)]
    runs += [_run("nnunet", 4, dice=0.81), _run("monai-own", 90)]
    goals = [line for line in inference_report.markdown(_result(runs)).splitlines() if "Goal" in line]
    assert goals == [
        "- MONAI with its users' network (random weights) costs 45.0 times our CPU-seconds. "
        "Goal: at least 20 times; met.",
        "- MONAI with its users' network (random weights) costs 5.6 times our CPU-seconds without OpenVINO. "
        "Goal: at least 6 times; not met.",
        "- Mean Dice, ours minus that of MONAI with our weights: +0.0010. Goal: at least -0.002; met.",
        "- Mean Dice, ours minus that of nnU-Net with our weights: -0.0090. Goal: at least -0.002; not met.",
        "- Peak memory: ours 1.00 GB, the smallest peer 1.00 GB. Goal: not more; met.",
    ]


def test_commands_and_threads_stand_above_the_tables() -> None:
    result = _result([_run("ours", 2)])
    result["options"] = [{"threads": 2, "command": "python first"}, {}, {"threads": 2, "command": "python second"}]
    expected = "Threads of every contender: 2. Commands:\n\n```\npython first\npython second\n```\n"
    assert expected in inference_report.markdown(result)


def test_ours_without_openvino_is_one_more_contender() -> None:
    contender = inference.CONTENDERS["ours-torch"]
    assert contender.variables == {"TUMORSEG_RUNTIME": "torch"}
    assert inference.command(contender, None) == inference.command(inference.CONTENDERS["ours"], None)
    rows = inference_report.markdown(_result([_run("ours", 2), _run("ours-torch", 3)])).splitlines()
    assert "| ours, without OpenVINO | our weights | 1 x 1 | 3.0 | 3.0 | 1.00 | 1.5 | 0.500 | 0.500 | 0.500 |" in rows


def test_cost_counts_the_children_of_a_command() -> None:
    child = "x = b'1' * (150 << 20)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}]); sys.exit(7)"
    code, cost = resource_use.run([sys.executable, "-S", "-c", parent])
    assert code == 7
    assert cost["memory"] > 150 << 20
    assert cost["cpu"] > 0


def test_stages_inside_stages_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((0, 1, 3, 6, 10, 15, 21))
    monkeypatch.setattr(stage_clock.time, "process_time", lambda: next(times))
    clock = stage_clock.StageClock()
    with clock.running(), clock.stage("outer"), clock.stage("inner"):
        pass
    assert clock.seconds == {"other": 2 + 6, "outer": 3 + 5, "inner": 4}


def test_wrapped_functions_count_and_come_back() -> None:
    clock, original = stage_clock.StageClock(), json.dumps
    with clock.wrapping([("writing", "json", "dumps")]), clock.running():
        assert json.dumps([1]) == "[1]"
    assert json.dumps is original
    assert set(clock.seconds) == {"other", "writing"}


def test_imports_inside_imports_count_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "outer_of_two.py").write_text("import inner_of_two")
    (tmp_path / "inner_of_two.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    times = iter((0, 5))
    monkeypatch.setattr(stage_clock.time, "thread_time", lambda: next(times))
    with stage_clock.ImportClock() as imports:
        import outer_of_two  # noqa: F401
    assert imports.seconds == 5


def test_operations_are_two_per_multiply_add() -> None:
    layer, image = torch.nn.Conv3d(2, 3, 3, padding=1), torch.zeros(1, 2, 4, 5, 6)
    assert floor.counted_operations(lambda: layer(image)) == 2 * (2 * 3 * 27) * (4 * 5 * 6)
