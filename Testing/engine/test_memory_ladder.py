"""The planner against budgets, and every rung of the ladder against the labels of one pass."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from support.models import random_model
from tumorseg.devices import Device
from tumorseg.errors import OutOfMemoryError
from tumorseg.memory_ladder import Rung, ladder, needed_bytes, plan
from tumorseg.modelfile import Model, ModelSpec
from tumorseg.network import UNet3D
from tumorseg.network_config import Norm, UNet3DConfig
from tumorseg.predictor import predict
from tumorseg.tiles import Size, Tiling

CROP: Size = (70, 72, 40)


def _spec(norm: Norm = "batch", single_pass: bool = True, patch_size: Size = (16, 16, 16)) -> ModelSpec:
    config = UNet3DConfig(features=(2, 4), norm=norm, deep_supervision=0)
    spec = random_model(patch_size).spec
    return replace(spec, architecture=config.to_dict(), single_pass=single_pass)


def _model(norm: Norm) -> Model:
    spec = _spec(norm)
    torch.manual_seed(1)
    network = UNet3D(spec.network_config).eval()
    return Model(spec, network, "")


def _free(**places: int) -> Callable[[str], int]:
    return lambda device: places[device.partition(":")[0]]


def _names(rungs: list[Rung]) -> list[str]:
    return [str(rung) for rung in rungs]


def test_a_gpu_begins_with_the_whole_crop_and_ends_with_small_blocks_on_the_cpu() -> None:
    assert _names(ladder(_spec(), CROP, "cuda")) == [
        "the whole crop (70 x 72 x 40 voxels) on cuda",
        "the whole crop (70 x 72 x 40 voxels) on cuda, sum on cpu",
        "blocks of 48 x 48 x 40 voxels on cuda",
        "blocks of 48 x 48 x 40 voxels on cuda, sum on cpu",
        "blocks of 32 x 32 x 32 voxels on cuda",
        "blocks of 32 x 32 x 32 voxels on cuda, sum on cpu",
        "the whole crop (70 x 72 x 40 voxels) on cpu",
        "blocks of 48 x 48 x 40 voxels on cpu",
        "blocks of 32 x 32 x 32 voxels on cpu",
    ]


def test_a_network_whose_norm_depends_on_what_it_sees_goes_to_the_cpu_whole() -> None:
    assert _names(ladder(_spec("group"), CROP, "cuda"))[:3] == [
        "the whole crop (70 x 72 x 40 voxels) on cuda",
        "the whole crop (70 x 72 x 40 voxels) on cuda, sum on cpu",
        "the whole crop (70 x 72 x 40 voxels) on cpu",
    ]


def test_a_network_of_tiles_keeps_its_tiles_and_halves_them_only_where_its_norm_allows() -> None:
    assert _names(ladder(_spec("instance", single_pass=False), CROP, "cuda")) == [
        "tiles of 16 x 16 x 16 voxels on cuda",
        "tiles of 16 x 16 x 16 voxels on cuda, sum on cpu",
        "tiles of 16 x 16 x 16 voxels on cpu",
    ]
    assert _names(ladder(_spec("none", single_pass=False), CROP, "cpu")) == [
        "tiles of 16 x 16 x 16 voxels on cpu",
        "tiles of 8 x 8 x 8 voxels on cpu",
    ]


def test_a_stretched_crop_is_one_pass_of_the_patch_size() -> None:
    spec = replace(_spec(single_pass=False), resized=True)
    assert _names(ladder(spec, CROP, "cpu")) == ["the whole crop (16 x 16 x 16 voxels) on cpu"]


def test_the_plan_begins_with_the_first_rung_that_fits() -> None:
    spec = _spec()
    for number, rung in enumerate(rungs := ladder(spec, CROP, "cpu")):
        needed = needed_bytes(rung, spec, CROP)["cpu"]
        assert plan(spec, CROP, "cpu", free=_free(cpu=needed)) == rungs[number:]
    assert plan(spec, CROP, "cpu", free=_free(cpu=1)) == rungs[-1:]
    assert plan(spec, CROP, "cpu", free=lambda _: None) == rungs


def test_results_take_the_logits_their_weights_and_the_input_of_the_whole_crop() -> None:
    spec, voxels = _spec(), 70 * 72 * 40
    apart = needed_bytes(Rung("cuda", "cpu", Tiling("whole", CROP)), spec, CROP)
    together = needed_bytes(Rung("cuda", "cuda", Tiling("whole", CROP)), spec, CROP)
    results = 4 * (3 + 1 + 4) * voxels
    assert apart["cpu"] == results
    assert together["cuda"] == apart["cuda"] + results


def test_a_full_gpu_leaves_the_cpu() -> None:
    spec = _spec()
    rungs = plan(spec, CROP, "cuda:1", free=_free(cuda=0, cpu=1 << 40))
    assert {rung.tiles_on for rung in rungs} == {"cpu"}
    first = needed_bytes(ladder(spec, CROP, "cuda")[0], spec, CROP)["cuda"]
    assert plan(spec, CROP, "cuda", free=_free(cuda=first - 1, cpu=1 << 40))[0].sum_on == "cpu"


@pytest.mark.parametrize(("share", "batch"), [(8.0, 8), (5.0, 4), (1.5, 1)])
def test_a_gpu_takes_as_many_mirrored_images_at_once_as_fit(share: float, batch: int) -> None:
    spec = _spec()
    one, eight = (Rung("cuda", "cuda", Tiling("whole", (70, 72, 40)), number) for number in (1, 8))
    fixed, most = (needed_bytes(rung, spec, CROP)["cuda"] for rung in (one, eight))
    free = fixed + (most - fixed) * (share - 1) / 7
    assert plan(spec, CROP, "cuda", 8, _free(cuda=int(free) + 1, cpu=1 << 40))[0].batch == batch
    assert plan(spec, CROP, "cpu", 8, _free(cpu=1 << 40))[0].batch == 1


@pytest.mark.parametrize(("edge", "batch"), [(160, 8), (250, 4), (256, 2), (400, 1)])
def test_a_batch_is_not_larger_than_kernels_of_a_gpu_can_count(edge: int, batch: int) -> None:
    config = UNet3DConfig(features=(16, 32), norm="batch", deep_supervision=0)
    spec = replace(_spec(), architecture=config.to_dict())
    assert plan(spec, (edge, edge, edge), "cuda", 8, lambda _: None)[0].batch == batch


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_every_rung_ends_in_the_same_probabilities(norm: Norm, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model(norm)
    crop = np.random.default_rng(0).normal(size=(4, *CROP)).astype(np.float32)
    rungs = ladder(model.spec, CROP, "cpu")
    found = []
    for rung in rungs:
        free = _free(cpu=needed_bytes(rung, model.spec, CROP)["cpu"])
        monkeypatch.setattr("tumorseg.predictor.plan", lambda *known, free=free: plan(*known, free=free))
        found.append(predict(model, crop, Device("cpu", "")))
        assert found[-1].rung == rung
    for prediction in found[1:]:
        np.testing.assert_allclose(prediction.probabilities, found[0].probabilities, atol=2e-6)
        assert prediction.remarks == (f"Memory was not enough for {rungs[0]}, so the run used {prediction.rung}.",)
    assert not found[0].remarks


def test_every_rung_of_a_gpu_ends_in_the_same_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    # The CPU plays the GPU: its sums are kept in tensors.
    model = _model("batch")
    crop = np.random.default_rng(0).normal(size=(4, *CROP)).astype(np.float32)
    expected = predict(model, crop, Device("cpu", "")).probabilities
    for rung in ladder(model.spec, CROP, "cuda"):
        if rung.tiles_on == "cuda":
            played = replace(rung, tiles_on="cpu", sum_on={"cuda": "tensors"}.get(rung.sum_on, "cpu"), batch=4)
            monkeypatch.setattr("tumorseg.predictor.plan", lambda *_, played=played: [played])
            found = predict(model, crop, Device("cpu", "")).probabilities
            np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_network_that_does_not_fit_at_all_is_tried_and_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model("batch")
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *known: plan(*known, free=_free(cpu=0)))

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tumorseg.torch_runtime.TorchNetwork.logits", fail)
    with pytest.raises(OutOfMemoryError, match="close other programs"):
        predict(model, np.zeros((4, *CROP), np.float32), Device("cpu", ""))
