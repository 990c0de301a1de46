"""Number formats, memory layouts, copies to a device and sums there; GPUs are played by the CPU."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from support.models import random_model
from tumorseg import torch_runtime
from tumorseg.devices import Device
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model
from tumorseg.network import UNet3D
from tumorseg.network_config import Norm, UNet3DConfig
from tumorseg.precision import PRECISION_VARIABLE
from tumorseg.predictor import predict
from tumorseg.sums import HostSums
from tumorseg.tiles import Tiling
from tumorseg.torch_runtime import TorchDeviceSums, TorchHostSums, TorchNetwork, formats

RUNG = Rung("cpu", "cpu", Tiling("whole", (16, 16, 16)))
CROP = np.random.default_rng(0).normal(size=(4, 16, 16, 16)).astype(np.float32)


def _model(norm: Norm) -> Model:
    torch.manual_seed(0)
    config = UNet3DConfig(features=(8, 16), norm=norm, deep_supervision=0)
    return Model(replace(random_model().spec, architecture=config.to_dict()), UNet3D(config).eval(), "")


@pytest.mark.parametrize("norm", ["group", "batch", "none", "instance"])
def test_the_memory_layout_changes_nothing(norm: Norm) -> None:
    model = _model(norm)
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(CROP)[None])[0].numpy()
    found = TorchNetwork(model, "cpu", torch.float32).logits(CROP, ((),))
    np.testing.assert_allclose(found, expected, atol=5e-6)


def test_bfloat16_gives_the_labels_of_float32_up_to_rounding() -> None:
    model = _model("group")
    exact, rounded = (
        TorchHostSums(TorchNetwork(model, "cpu", number_format)).logits(CROP, ((),))
        for number_format in (torch.float32, torch.bfloat16)
    )
    assert rounded.dtype == np.float32
    differences = np.abs(exact - rounded)
    assert 0 < differences.max() < 0.05 * np.abs(exact).max()
    changed = (exact > 0) != (rounded > 0)
    assert changed.mean() < 0.01
    assert np.abs(exact[changed]).max() < 0.02 * np.abs(exact).max()


@pytest.mark.usefixtures("any_precision")
@pytest.mark.parametrize(("answers", "found"), [((True, False), True), ((False, True), True), ((False, False), False)])
def test_bfloat16_is_used_only_where_the_cpu_has_it(
    answers: tuple[bool, bool], found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, answer in zip(("_is_avx512_bf16_supported", "_is_amx_tile_supported"), answers, strict=True):
        monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer)
    expected = [torch.bfloat16, torch.float32] if found else [torch.float32]
    assert formats(_model("group"), "cpu") == expected


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_without_half_precision_everything_is_computed_in_float32(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setenv(PRECISION_VARIABLE, "float32")
    assert formats(_model("group"), device) == [torch.float32]


@pytest.mark.usefixtures("any_precision")
def test_gpus_compute_in_half_precision_where_a_norm_keeps_numbers_small() -> None:
    assert formats(_model("group"), "cuda:0") == [torch.float16, torch.float32]
    assert formats(_model("none"), "cuda:0") == [torch.float32]
    assert formats(_model("group"), "mps") == [torch.float32]


@pytest.mark.parametrize("outputs", ["regions", "classes"])
def test_sums_on_a_device_end_in_what_sums_on_the_host_do(outputs: str) -> None:
    device = TorchDeviceSums(TorchNetwork(_model("group"), "cpu", torch.float32))
    logits = np.random.default_rng(1).normal(0, 40, size=(4, 5, 6, 7)).astype(np.float32)
    total = device.zeros(logits.shape)
    total[:, 1:] += device.array(logits)[:, 1:]
    expected = HostSums().probabilities(np.where(np.arange(5)[:, None, None] > 0, logits, np.float32(0)), outputs)
    np.testing.assert_allclose(device.probabilities(total, outputs), expected, atol=1e-6)
    assert device.is_finite(total)
    total[0, 0, 0, 0] = torch.nan
    assert not device.is_finite(total)


def test_a_gpu_keeps_a_copy_and_leaves_the_models_network_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # "meta" stands for a GPU: tensors without data.
    monkeypatch.setattr(torch_runtime, "GraphedNetwork", lambda network: network)
    model = _model("group")
    first = torch_runtime._network_on(model, "meta", torch.float16)
    assert torch_runtime._network_on(model, "meta", torch.float16) is first
    weight = first.encoder[0][0].conv.weight
    assert (weight.device.type, weight.dtype) == ("meta", torch.float16)
    assert weight.is_contiguous(memory_format=torch.channels_last_3d)
    own = model.network.encoder[0][0].conv.weight
    assert (own.device.type, own.dtype) == ("cpu", torch.float32)
    torch_runtime.release(model, "meta")
    assert torch_runtime._network_on(model, "meta", torch.float16) is not first


def test_a_part_of_an_image_goes_to_an_nvidia_gpu_in_one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    empty, network = torch.empty, TorchNetwork(_model("group"), "cpu", torch.float32)

    def pinned(shape: tuple[int, ...], *, dtype: torch.dtype, pin_memory: bool) -> Tensor:
        made.append({"shape": tuple(shape), "pinned": pin_memory})
        return empty(shape, dtype=dtype)

    monkeypatch.setattr(torch, "empty", pinned)
    monkeypatch.setattr(Tensor, "to", lambda image, device, non_blocking: image if non_blocking else None)
    network.device = "cuda:1"
    sent = network.upload(CROP[:, 2:9, 3:])
    assert made == [{"shape": (4, 7, 13, 16), "pinned": True}]
    assert sent.is_contiguous()
    np.testing.assert_array_equal(sent.numpy(), CROP[:, 2:9, 3:])


def test_all_tiles_are_cut_from_one_copy_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    model, shapes = random_model((8, 8, 8)), []
    upload = TorchNetwork.upload

    def counted(network: TorchNetwork, values: Any) -> Tensor:
        shapes.append(values.shape)
        return upload(network, values)

    expected = predict(model, CROP, Device("cpu", "")).probabilities
    monkeypatch.setattr(TorchNetwork, "upload", counted)
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *_: [Rung("cpu", "tensors", Tiling("tiles", (8, 8, 8)))])
    found = predict(model, CROP, Device("cpu", "")).probabilities
    assert shapes == [(4, 16, 16, 16), (8, 8, 8)]  # the image, and the weight of a tile
    np.testing.assert_allclose(found, expected, atol=1e-6)
