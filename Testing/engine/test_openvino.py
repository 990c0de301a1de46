"""OpenVINO against torch for every kind of network, without torch, without statistics, and when it fails."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from support.models import random_model, reloaded, saved
from tumorseg import openvino_runtime
from tumorseg.checked_file import read_checked
from tumorseg.cli import main
from tumorseg.devices import Device
from tumorseg.errors import CancelledError, ModelError
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model, ModelCard, ModelSpec, open_model
from tumorseg.network import build_network
from tumorseg.network_config import UNet3DConfig
from tumorseg.precision import PRECISION_VARIABLE
from tumorseg.predictor import predict
from tumorseg.progress import Progress
from tumorseg.tiles import Tiling

openvino = pytest.importorskip("openvino")

CPU = Device("cpu", "test")
ENGINE = Path(openvino_runtime.__file__).parents[1]


def _model(config: UNet3DConfig, members: int = 1) -> Model:
    """Random weights and statistics, as after a training."""
    torch.manual_seed(0)
    network = build_network(config, members)
    for name, value in network.state_dict().items():
        if value.dim() == 1 and value.is_floating_point():
            value.uniform_(0.5, 1.5) if "var" in name or "weight" in name else value.normal_(0, 0.3)
    spec = ModelSpec(
        "test", "1", config.to_dict(), ("t1", "t1ce", "t2", "flair"), ModelCard("A test"), patch_size=(16, 16, 16),
        members=members, single_pass=True,
    )  # fmt: skip
    return Model(spec, network.eval(), "")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for every test; the folder of compiled networks."""
    monkeypatch.setenv("TUMORSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "openvino"


def _config(**changes: object) -> UNet3DConfig:
    values = {"features": (8, 16, 16), "deep_supervision": 1, **changes}
    return UNet3DConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "members"),
    [
        (_config(), 1),
        (_config(norm="group", skip="add"), 1),
        (_config(norm="group", features=(4, 8, 24), down="maxpool"), 1),
        (_config(norm="batch", up="trilinear"), 1),
        (_config(norm="none", activation="relu", down="maxpool", decoder_blocks=1), 1),
        (_config(norm="none", output_level=1, deep_supervision=0), 1),
        (_config(norm="group"), 3),
    ],
)  # fmt: skip
def test_agrees_with_torch(config: UNet3DConfig, members: int, tmp_path: Path) -> None:
    model = reloaded(_model(config, members), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 13, 20, 24)).astype(np.float32)
    found = predict(model, crop, CPU)
    assert found.runtime.startswith("OpenVINO ")
    assert found.remarks == ()
    expected = predict(Model(model.spec, model.network, ""), crop, CPU)
    assert expected.runtime.startswith("PyTorch ")
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=2e-5)


def test_without_the_wish_for_float32_the_cpu_computes_as_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop = np.random.default_rng(0).normal(size=(4, 13, 20, 24)).astype(np.float32)
    exact = predict(reloaded(_model(_config(norm="batch")), tmp_path), crop, CPU)
    assert exact.runtime.endswith(", float32")
    monkeypatch.delenv(PRECISION_VARIABLE)
    fastest = predict(reloaded(_model(_config(norm="batch")), tmp_path), crop, CPU)
    capable = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert fastest.runtime.endswith(", bfloat16" if capable else ", float32")
    assert np.mean((fastest.probabilities > 0.5) != (exact.probabilities > 0.5)) < 0.01


@pytest.mark.parametrize("name", ["BraTS2021_01479", "BraTS2021_01480"])
def test_bfloat16_hardly_moves_a_real_tumor(
    name: str, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bfloat16")
    tumors = []
    for precision in ("float32", "any"):
        monkeypatch.setenv(PRECISION_VARIABLE, precision)
        output = tmp_path / f"{precision}.nii.gz"
        assert main(["segment", "--case", str(data_folder / "brats2021" / name), "--output", str(output)]) == 0
        tumors.append(np.asarray(nibabel.load(output).dataobj) > 0)
    exact, rounded = tumors
    assert (exact != rounded).any()
    assert 2 * (exact & rounded).sum() / (exact.sum() + rounded.sum()) > 0.98


def test_mirroring_agrees_with_torch(tmp_path: Path) -> None:
    model = reloaded(random_model(), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 12)).astype(np.float32)
    expected = predict(Model(model.spec, model.network, ""), crop, CPU, tta=True).probabilities
    np.testing.assert_allclose(predict(model, crop, CPU, tta=True).probabilities, expected, atol=2e-3)


def test_a_run_needs_neither_torch_nor_the_converter_and_sends_no_statistics(tmp_path: Path) -> None:
    path = saved(_model(_config(norm="group")), tmp_path)
    code = (
        "import sys, numpy, pathlib\n"
        "from tumorseg.devices import choose_device\n"
        "from tumorseg.modelfile import open_model\n"
        "from tumorseg.predictor import predict\n"
        f"model = open_model(pathlib.Path({str(path)!r}))\n"
        "crop = numpy.zeros((4, 8, 8, 8), numpy.float32)\n"
        "print(predict(model, crop, choose_device('cpu')).runtime)\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('torch', 'openvino_telemetry')])\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(ENGINE)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    runtime, modules = answer.stdout.splitlines()
    assert runtime.startswith("OpenVINO")
    assert modules == "[]"
    assert list(home.iterdir()) == []


def test_weights_that_do_not_fit_are_told_as_ever(tmp_path: Path) -> None:
    model = open_model(saved(_model(_config()), tmp_path))
    del model.weights["up.0.weight"]  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"weights in model\.safetensors do not fit"):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)


def test_torch_takes_over_when_openvino_fails_and_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no such instruction\nat line 5")

    model = reloaded(random_model(), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 8)).astype(np.float32)
    expected = predict(Model(model.spec, model.network, ""), crop, CPU).probabilities
    monkeypatch.setattr(openvino_runtime, "_compile", fail)
    prediction = predict(model, crop, CPU)
    assert prediction.remarks == (
        "OpenVINO could not run the network (ValueError: no such instruction), so PyTorch did.",
    )
    np.testing.assert_array_equal(prediction.probabilities, expected)


def test_an_empty_answer_means_that_memory_is_short_and_steps_down_the_ladder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = reloaded(_model(_config(norm="batch")), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 16, 16, 40)).astype(np.float32)
    rungs = [Rung("cpu", "cpu", Tiling("tiles", (16, 16, edge))) for edge in (32, 16)]
    monkeypatch.setattr("tumorseg.predictor.ladder", lambda *_: rungs)
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *_: rungs[1:])
    expected = predict(model, crop, CPU).probabilities
    run = openvino_runtime.openvino_network(model)._network

    def short_of_memory(image: np.ndarray, **options: bool) -> object:
        return run(image, **options) if image.shape[-1] == 16 else [np.zeros((1, 3, 0, 0, 0), np.float32)]

    monkeypatch.setattr(openvino_runtime.openvino_network(model), "_network", short_of_memory)
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *_: rungs)
    found = predict(model, crop, CPU)
    assert found.remarks == (
        "Memory was not enough for tiles of 16 x 16 x 32 voxels on cpu, "
        "so the run used tiles of 16 x 16 x 16 voxels on cpu.",
    )
    assert found.runtime.startswith("OpenVINO ")
    np.testing.assert_array_equal(found.probabilities, expected)


def test_openvino_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORSEG_RUNTIME", "torch")
    prediction = predict(open_model(saved(random_model(), tmp_path)), np.zeros((4, 8, 8, 8), np.float32), CPU)
    assert prediction.runtime.startswith("PyTorch")


def test_stretched_crops_and_networks_in_training_stay_with_torch(tmp_path: Path) -> None:
    crop = np.zeros((4, 8, 8, 8), np.float32)
    model = open_model(saved(random_model(), tmp_path))
    stretched = replace(model, spec=replace(model.spec, resized=True))
    assert predict(stretched, crop, CPU).runtime.startswith("PyTorch")
    assert predict(random_model(), crop, CPU).runtime.startswith("PyTorch")


def test_a_cancel_is_not_taken_for_a_failure(tmp_path: Path) -> None:
    def cancel(_: Progress) -> None:
        raise CancelledError

    model = open_model(saved(random_model(), tmp_path))
    with pytest.raises(CancelledError):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU, report=cancel)


def _cut_short(content: bytes) -> bytes:
    return content[:1000]


def _without_a_page(content: bytes) -> bytes:
    """As after a crash of the system: a part among the weights was never written."""
    start = len(content) // 2
    return content[:start] + bytes(4096) + content[start + 4096 :]


@pytest.mark.parametrize("damage", [_cut_short, _without_a_page, lambda _: b""])
def test_a_cache_that_is_damaged_does_not_matter(tmp_path: Path, cache: Path, damage: Callable[[bytes], bytes]) -> None:
    path = saved(_model(_config(norm="group")), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 8)).astype(np.float32)
    expected = predict(open_model(path), crop, CPU).probabilities
    [blob] = cache.iterdir()
    blob.write_bytes(damage(blob.read_bytes()))
    again = predict(open_model(path), crop, CPU)
    assert again.runtime.startswith("OpenVINO")
    np.testing.assert_array_equal(again.probabilities, expected)
    assert read_checked(blob) is not None  # mended for the next process


def test_a_network_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(_model(_config(norm="group")), tmp_path)
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 8)).astype(np.float32)
    expected = predict(open_model(path), crop, CPU).probabilities
    monkeypatch.delattr("openvino.Core.compile_model")
    again = predict(open_model(path), crop, CPU)
    assert again.remarks == ()
    np.testing.assert_array_equal(again.probabilities, expected)


@pytest.mark.parametrize("place", ["file", "~nobody-of-this-name/cache"])
def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TUMORSEG_CACHE", place if place.startswith("~") else str(tmp_path / place))
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 8)).astype(np.float32)
    found = predict(open_model(saved(_model(_config(norm="group")), tmp_path)), crop, CPU)
    assert (found.runtime.startswith("OpenVINO"), found.remarks) == (True, ())


def test_the_cache_keeps_networks_apart_and_drops_old_ones(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop = np.random.default_rng(0).normal(size=(4, 8, 8, 8)).astype(np.float32)
    first, second = (_model(_config(norm="batch", features=(4, 8, 8))) for _ in range(2))
    second.network.state_dict()["heads.0.bias"][0] += 1.0  # one number of all
    expected = [predict(model, crop, CPU).probabilities for model in (first, second)]
    assert np.abs(expected[0] - expected[1]).max() > 0.02
    for number, model in enumerate((first, second)):
        found = predict(open_model(saved(model, tmp_path, f"{number}.safetensors")), crop, CPU)
        assert found.runtime.startswith("OpenVINO")
        np.testing.assert_allclose(found.probabilities, expected[number], atol=5e-3)
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr("tumorseg.openvino_cache.CACHED_BYTES", 0)
    second.network.state_dict()["heads.0.bias"][0] += 1.0
    predict(open_model(saved(second, tmp_path, "2.safetensors")), crop, CPU)
    assert list(cache.iterdir()) == []


def test_an_openvino_without_an_operation_leaves_the_network_to_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("openvino.opset13.reduce_l2")
    model = open_model(saved(_model(_config(norm="group")), tmp_path))
    found = predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)
    assert found.runtime.startswith("PyTorch")
    assert "reduce_l2" in found.remarks[0]
    assert found.remarks[0].endswith("so PyTorch did.")
