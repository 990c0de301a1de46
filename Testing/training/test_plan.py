"""The plan before a training, the time an epoch takes, and the warnings about both."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from support.prepared import TINY, prepared_folder
from tumorseg.errors import BadInputError, OutOfMemoryError
from tumorseg.network import UNet3D
from tumorseg_training import speed
from tumorseg_training.clock import diagnosis
from tumorseg_training.epoch_table import epoch_line
from tumorseg_training.hardware import Hardware
from tumorseg_training.plan import Plan, duration, make_plan
from tumorseg_training.recipe import Recipe
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.training_data import training_cases

RECIPE = load_recipe(TINY)


def test_the_plan_counts_what_will_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg_training.plan.step_seconds", lambda *_: 30.0)
    monkeypatch.setattr("tumorseg_training.plan.tile_seconds", lambda *_: 2.0)
    prepared = prepared_folder(tmp_path / "p", train=3, validation=2, groups=("a", "b"))
    groups = training_cases(prepared, RECIPE, [f"Head_{number}" for number in range(3)], print)
    (validation,) = training_cases(prepared, RECIPE, ["Head_3"], print)
    plan = make_plan(RECIPE, groups, validation, Hardware("cpu", workers=0), tmp_path)
    values = plan.values()
    assert (values["training_cases"], values["validation_cases"], values["groups"]) == (3, 1, 2)
    assert (values["samples_per_epoch"], values["seconds_per_epoch"]) == (8, 120)
    assert values["seconds_in_all"] == pytest.approx(240 + 2 * 36, abs=0.1)
    assert values["parameters"] == sum(p.numel() for p in UNet3D(RECIPE.network).parameters())
    assert values["data_gib"] * 2**30 == pytest.approx(4 * 9 * 24 * 28 * 26)
    lines = plan.text().splitlines()
    assert lines[0] == "cases     3 to train on (from 2 data folder(s)), 1 to validate on"
    assert lines[2] == "network   5,087 parameters on cpu in 32-true, 1 process(es)"
    assert lines[-1] == "time      about 2 min of training per epoch, 36 s of validation every epoch, 5 min in all"
    assert plan.start_share == pytest.approx(RECIPE.ema_decay**8)
    plan = replace(plan, start_share=0.1)
    assert plan.warnings() == []
    (warning,) = replace(plan, disk_gib=2.0, disk_free_gib=1.0).warnings()
    assert warning == "The disk has 1.00 GB free, the run folder may need 2.00 GB."


def test_an_average_that_is_mostly_of_the_beginning_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg_training.plan.step_seconds", lambda *_: 1.0)
    prepared = prepared_folder(tmp_path / "p", train=2)
    groups = training_cases(prepared, RECIPE, ["Head_0", "Head_1"], print)
    short = replace(RECIPE, ema_decay=0.999, epochs=3, steps_per_epoch=100)
    (warning,) = make_plan(short, groups, [], Hardware("cpu", workers=0), tmp_path).warnings()
    assert warning == (
        "After 300 steps 74% of the averaged weights, which are kept, are still those of the beginning; train longer, "
        "or lower ema_decay to 0.985 or less."
    )
    assert make_plan(replace(short, ema_decay=0.985), groups, [], Hardware("cpu", workers=0), tmp_path).warnings() == []
    assert make_plan(replace(short, ema_decay=0.0), groups, [], Hardware("cpu", workers=0), tmp_path).warnings() == []


def test_the_plan_counts_validations_and_their_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg_training.plan.step_seconds", lambda *_: 1.0)
    monkeypatch.setattr("tumorseg_training.plan.tile_seconds", lambda *_: 10.0)
    prepared = prepared_folder(tmp_path / "p", train=2, validation=3)
    groups = training_cases(prepared, RECIPE, ["Head_0", "Head_1"], print)
    (cases,) = training_cases(prepared, RECIPE, ["Head_2", "Head_3", "Head_4"], print)
    every_second = replace(RECIPE, epochs=5, validate_every=2)

    def plan(recipe: Recipe, validation: list[TrainingCase], processes: int = 1) -> Plan:
        return make_plan(recipe, groups, validation, Hardware("cpu", processes, workers=0), tmp_path)

    assert plan(every_second, cases).seconds_per_validation == pytest.approx(3 * 2 * 3 * 3 * 10, abs=0.1)
    assert plan(every_second, cases).seconds_in_all == pytest.approx(5 * 4 + 3 * 540, abs=0.3)
    assert plan(every_second, cases, processes=2).seconds_per_validation == pytest.approx(360, abs=0.1)
    assert plan(replace(RECIPE, resized=True), cases).seconds_per_validation == pytest.approx(30, abs=0.1)
    mirrored = plan(replace(RECIPE, tta=True), cases)
    assert mirrored.seconds_per_validation == pytest.approx(8 * 3 * 2 * 3 * 3 * 10, rel=1e-3)
    at_once = plan(replace(RECIPE, single_pass=True), cases)
    filled = 24 * 28 * 26 / 16**3  # patches that fill such a brain
    assert at_once.seconds_per_validation == pytest.approx(3 * filled * 10, rel=1e-3)
    assert "every 2 epochs and after the last," in plan(every_second, cases).text()
    assert "every 2 epochs," in plan(replace(every_second, epochs=4), cases).text()
    without = plan(RECIPE, [])
    assert without.seconds_in_all == 8
    assert without.text().endswith("time      about 4 s of training per epoch, 8 s in all")


def test_a_single_validation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg_training.plan.step_seconds", lambda *_: 1.0)
    monkeypatch.setattr("tumorseg_training.plan.tile_seconds", lambda *_: 10.0)
    prepared = prepared_folder(tmp_path / "p", train=2, validation=1)
    groups = training_cases(prepared, RECIPE, ["Head_0", "Head_1"], print)
    (cases,) = training_cases(prepared, RECIPE, ["Head_2"], print)
    seldom = replace(RECIPE, epochs=3, validate_every=4, ema_decay=0.0)
    plan = make_plan(seldom, groups, cases, Hardware("cpu", workers=0), tmp_path)
    assert plan.warnings() == [
        "validate_every = 4 is more than the 3 epoch(s): only the last one is validated, so there is no choice of the "
        "best weights; lower validate_every."
    ]
    assert "of validation after the last epoch," in plan.text()
    assert make_plan(seldom, groups, [], Hardware("cpu", workers=0), tmp_path).warnings() == []


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h")])
def test_times_are_told_in_their_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_step_and_a_tile_are_timed() -> None:
    assert 0 < speed.step_seconds(RECIPE, 1, "cpu") < 30
    assert 0 < speed.tile_seconds(RECIPE, "cpu") < 30


def test_a_step_that_does_not_fit_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(UNet3D, "forward", no_memory)
    with pytest.raises(OutOfMemoryError, match=r"A step with 4 patches of .* does not fit into the memory of cpu"):
        speed.step_seconds(RECIPE, 4, "cpu")


def test_slow_convolutions_are_told() -> None:
    assert speed.slowness(plain=1.0, half=0.5, precision="bf16-mixed") is None
    sentence = speed.slowness(plain=1.0, half=4.0, precision="16-mixed")
    assert sentence is not None
    assert sentence.startswith("3-D convolutions take 4.0 times as long with 16-mixed as with 32-true on this machine")


def test_the_slow_release_of_torch_is_known() -> None:
    half = replace(RECIPE, precision="bf16-mixed")
    sentence = speed.convolution_warning(half, "cuda", version="2.9.1+cu128")
    assert sentence is not None
    assert "torch 2.9.1+cu128 computes 3-D convolutions in half precision several times too slowly" in sentence
    assert speed.convolution_warning(RECIPE, "cuda", version="2.9.1") is None  # float32 is not concerned


def test_both_number_formats_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def timed(_device: torch.device, dtype: torch.dtype) -> float:
        asked.append(dtype)
        return 1.0

    monkeypatch.setattr(speed, "convolution_seconds", timed)
    assert speed.convolution_warning(replace(RECIPE, precision="bf16-mixed"), "cpu") is None
    assert asked == [torch.float32, torch.bfloat16]


def test_waiting_for_data_comes_with_advice() -> None:
    assert diagnosis(0.1, 60, workers=2) is None
    assert diagnosis(0.9, 1, workers=2) is None  # too short to say
    assert diagnosis(0.41, 60, workers=2) == (
        "41 % of the time went into waiting for data: try --workers 4, or put the prepared folder on a faster disk."
    )


def test_an_epoch_is_one_line() -> None:
    row = {"epoch": 0, "train_loss": 1.5, "samples_per_second": 12.345, "data_wait_share": 0.021}
    assert epoch_line(row, 9) == "epoch 1/9, loss 1.5000, 12.3 samples/s, 2 % waiting for data"
    scored = {**row, "dice_WT": 0.9, "dice_mean": 0.9, "nothing_dice_mean": 0.0}
    assert "loss 1.5000, Dice WT 0.900 (predicting nothing: mean 0.000), 12.3" in epoch_line(scored, 9)


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        (Hardware(devices=0), "--devices must be 1 or more, got 0"),
        (Hardware(nodes=-1), "--nodes must be 1 or more, got -1"),
        (Hardware(workers=-1), "--workers must be 0 or more, got -1"),
    ],
)
def test_impossible_hardware_is_refused(hardware: Hardware, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        hardware.resolved()


def test_missing_devices_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert Hardware("auto").resolved() == Hardware("cpu", workers=0)
    with pytest.raises(BadInputError, match="--accelerator cuda: PyTorch finds no such device"):
        Hardware("cuda").resolved()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Hardware("auto", devices=2).resolved().accelerator == "cuda"
    with pytest.raises(BadInputError, match=r"--devices 4: this machine has 2 GPU\(s\)"):
        Hardware("auto", devices=4).resolved()


def test_a_batch_must_be_shared_equally() -> None:
    Hardware("cpu", devices=2).check(RECIPE)
    with pytest.raises(BadInputError, match="A batch_size of 2 cannot be shared by 8 processes; set it to a multiple"):
        Hardware(devices=4, nodes=2).check(RECIPE)


def test_batch_norm_that_processes_do_not_share_is_told() -> None:
    batch = replace(RECIPE, batch_size=4, network=replace(RECIPE.network, norm="batch"))
    assert Hardware("cpu", devices=2).notes(batch) == [
        "Batch norm is not shared by processes on the cpu: each of the 2 has the statistics of 2 instead of 4 patches, "
        "so the weights are others than those of one process; train with --devices 1 or another norm."
    ]
    assert Hardware("cpu").notes(batch) == Hardware("cpu", devices=2).notes(RECIPE) == []
    assert Hardware("cuda", devices=2).notes(batch) == []


@pytest.mark.parametrize(
    ("capability", "precision"), [((9, 0), "bf16-mixed"), ((8, 0), "bf16-mixed"), ((7, 5), "16-mixed")]
)
def test_the_precision_follows_the_gpu(
    capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert Hardware("cuda").with_precision(replace(RECIPE, precision="auto")).precision == precision
    assert Hardware("cuda").with_precision(RECIPE) == RECIPE  # what the recipe says is kept


@pytest.mark.parametrize(
    ("known", "precision"),
    [
        ({"avx512_bf16": False, "amx_bf16": False}, "32-true"),
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16-mixed"),
        ({"amx_bf16": True}, "bf16-mixed"),
        ({}, "32-true"),
    ],
)
def test_a_cpu_that_imitates_bfloat16_trains_in_float32(
    known: dict[str, bool], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert Hardware("cpu").with_precision(replace(RECIPE, precision="auto")).precision == precision
    assert Hardware("mps").with_precision(replace(RECIPE, precision="auto")).precision == "32-true"


def test_half_precision_of_gpus_is_refused_on_the_cpu() -> None:
    with pytest.raises(BadInputError, match="The precision 16-mixed needs a GPU; set precision to bf16-mixed"):
        Hardware("cpu").check(replace(RECIPE, precision="16-mixed"))
