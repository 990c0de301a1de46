"""Tiles, weights and mirroring against MONAI, exact small cases, the memory ladder and cancelling."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn

from support.models import constant_model, random_model, threshold_model
from tumorseg.devices import Device
from tumorseg.errors import CancelledError, ModelError, OutOfMemoryError
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model
from tumorseg.predictor import mirrorings_of, predict, prepare
from tumorseg.progress import Progress
from tumorseg.tiles import Tiling
from tumorseg.torch_runtime import TorchHostSums

CPU = Device("cpu", "test")


@pytest.mark.parametrize("shape", [(24, 24, 24), (16, 40, 33), (10, 16, 50)])
def test_agrees_with_monai_sliding_window_inference(shape: tuple[int, int, int]) -> None:
    model = random_model(patch_size=(16, 16, 16))
    crop = np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)
    monai = SlidingWindowInferer((16, 16, 16), sw_batch_size=1, overlap=0.5, mode="gaussian", sigma_scale=0.125)
    with torch.inference_mode():
        expected = monai(torch.from_numpy(crop)[None], model.network)[0].sigmoid().numpy()
    np.testing.assert_allclose(predict(model, crop, CPU).probabilities, expected, atol=2e-6)


def test_a_constant_network_gives_a_constant_map_whatever_the_tiles() -> None:
    crop = np.zeros((4, 13, 29, 8), np.float32)
    probabilities = predict(constant_model({"WT": 0.9, "TC": 0.6, "ET": 0.2}), crop, CPU).probabilities
    assert probabilities.shape == (3, 13, 29, 8)
    for channel, expected in zip(probabilities, (0.9, 0.6, 0.2), strict=True):
        np.testing.assert_allclose(channel, expected, atol=1e-5)


def test_with_mirroring_every_pass_is_reported_so_that_a_cancel_need_not_wait_for_eight() -> None:
    crop = np.ones((4, 8, 8, 12), np.float32)
    plain: list[Progress] = []
    mirrored: list[Progress] = []
    predict(random_model(), crop, CPU, report=plain.append)
    predict(random_model(), crop, CPU, tta=True, report=mirrored.append)
    assert (len(plain), len(mirrored)) == (2 + 1, 2 * 8 + 1)
    assert [progress.fraction for progress in mirrored] == [done / 16 for done in range(17)]


def test_mirroring_gives_the_mean_of_the_eight_mirrored_predictions() -> None:
    model = random_model(patch_size=(8, 8, 8))
    eight = mirrorings_of(model.spec)
    assert len(set(eight)) == 8
    crop = np.random.default_rng(2).normal(size=(4, 8, 8, 8)).astype(np.float32)
    x = torch.from_numpy(crop)
    with torch.inference_mode():
        logits = torch.stack([model.network(x.flip(axes)[None])[0].flip(axes) for axes in eight]).mean(0)
    result = predict(model, crop, CPU, tta=True).probabilities
    np.testing.assert_allclose(result, logits.sigmoid().numpy(), atol=1e-6)
    mirrored = predict(model, np.ascontiguousarray(crop[:, ::-1]), CPU, tta=True).probabilities
    np.testing.assert_allclose(mirrored[:, ::-1], result, atol=1e-6)


@pytest.mark.parametrize(
    ("axes", "mirrorings"),
    [("x", ((), (3,))), ("zy", ((), (1,), (2,), (1, 2))), ("yz", ((), (1,), (2,), (1, 2))), ("", ((),))],
)
def test_a_network_is_mirrored_only_along_the_axes_of_its_training(axes: str, mirrorings: object) -> None:
    model = random_model(patch_size=(8, 8, 8))
    spec = replace(model.spec, mirror_axes=axes)
    assert mirrorings_of(spec) == mirrorings
    reports: list[Progress] = []
    predict(replace(model, spec=spec), np.ones((4, 8, 8, 8), np.float32), CPU, tta=True, report=reports.append)
    assert len(reports) == len(mirrorings_of(spec)) + 1


def test_a_model_may_want_to_be_mirrored_always() -> None:
    model = random_model(patch_size=(8, 8, 8))
    wanted = replace(model, spec=replace(model.spec, mirror_axes="x", tta=True))
    crop = np.random.default_rng(3).normal(size=(4, 8, 8, 8)).astype(np.float32)
    unasked, asked = (predict(wanted, crop, CPU, tta=tta).probabilities for tta in (False, True))
    np.testing.assert_array_equal(unasked, asked)
    alone = predict(replace(model, spec=replace(model.spec, mirror_axes="x")), crop, CPU).probabilities
    assert not np.allclose(unasked, alone, atol=1e-3)


def test_softmax_classes_become_nested_regions() -> None:
    model = random_model(patch_size=(8, 8, 8), outputs="classes")
    crop = np.random.default_rng(3).normal(size=(4, 8, 8, 8)).astype(np.float32)
    whole, core, enhancing = predict(model, crop, CPU).probabilities
    assert np.all(whole >= core - 1e-6)
    assert np.all(core >= enhancing - 1e-6)


class _Greedy(nn.Module):
    """Fails with the given errors, one per forward pass, then answers like the network."""

    def __init__(self, network: nn.Module, errors: list[Exception]) -> None:
        super().__init__()
        self.inner, self.errors = network, errors
        self.config = network.config

    def forward(self, x: Tensor) -> Tensor:
        if self.errors:
            raise self.errors.pop(0)
        result: Tensor = self.inner(x)
        return result


def _greedy(model: Model, errors: list[Exception]) -> Model:
    return Model(model.spec, _Greedy(model.network, errors), model.sha256)  # type: ignore[arg-type]


def test_out_of_memory_steps_down_the_ladder_to_the_same_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    # The ladder of a GPU, played on the CPU: two failures leave the last rung.
    model = random_model(patch_size=(8, 8, 8))
    crop = np.random.default_rng(4).normal(size=(4, 8, 8, 8)).astype(np.float32)
    failing = _greedy(model, [torch.OutOfMemoryError("full"), torch.OutOfMemoryError("full")])
    tiling = Tiling("tiles", (8, 8, 8))
    rungs = [Rung("cpu", "elsewhere", tiling), Rung("cpu", "there", tiling), Rung("cpu", "cpu", tiling)]
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *_: rungs)
    monkeypatch.setattr("tumorseg.predictor.ladder", lambda *_: rungs)
    monkeypatch.setattr("tumorseg.torch_runtime.TorchDeviceSums", TorchHostSums)
    prediction = predict(failing, crop, CPU)
    assert str(prediction.rung) == "tiles of 8 x 8 x 8 voxels on cpu"
    assert prediction.remarks == (
        "Memory was not enough for tiles of 8 x 8 x 8 voxels on cpu, sum on elsewhere, "
        "so the run used tiles of 8 x 8 x 8 voxels on cpu.",
    )
    np.testing.assert_array_equal(prediction.probabilities, predict(model, crop, CPU).probabilities)


def test_no_memory_anywhere_is_said_in_words() -> None:
    model = _greedy(random_model(patch_size=(8, 8, 8)), [MemoryError()])
    with pytest.raises(OutOfMemoryError, match="not enough memory to run the network; close other programs"):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)


@pytest.mark.parametrize(
    "words",
    [
        "MPS backend out of memory (…)",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "GET was unable to find an engine to execute this computation",
    ],
)
def test_memory_errors_without_a_class_of_their_own_are_recognised(words: str) -> None:
    model = _greedy(random_model(patch_size=(8, 8, 8)), [RuntimeError(words)])
    with pytest.raises(OutOfMemoryError):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)


def test_another_error_of_torch_is_not_taken_for_missing_memory() -> None:
    model = _greedy(random_model(patch_size=(8, 8, 8)), [RuntimeError("a bug")])
    with pytest.raises(RuntimeError, match="a bug"):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)


class _Passes(TorchHostSums):
    """A runtime that notes the images it is given, and may be short of memory."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.mirrorings: list[object] = []
        self.error = error

    def logits(self, image: np.ndarray, mirrorings: object) -> np.ndarray:
        self.sizes.append(image.shape)
        self.mirrorings.append(mirrorings)
        if self.error:
            raise self.error
        return image


@pytest.mark.parametrize(
    ("device", "single_pass", "sizes"),
    [("cuda", False, [(4, 16, 16, 16)] * 2), ("cuda", True, [(4, 4, 4, 4)]), ("cpu", False, [])],
)
def test_a_gpu_runs_the_network_before_it_is_waited_for_and_all_tiles_twice(
    device: str, single_pass: bool, sizes: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, runtime = random_model((16, 16, 16)), _Passes()
    model = replace(model, spec=replace(model.spec, single_pass=single_pass))
    monkeypatch.setattr("tumorseg.predictor.choose_device", lambda _: Device(device, ""))
    monkeypatch.setattr("tumorseg.predictor.runtimes", lambda *_: [lambda: runtime])
    prepare(model)
    assert runtime.sizes == sizes
    assert set(runtime.mirrorings) <= {((),)}


def test_a_gpu_is_made_ready_for_the_mirrorings_that_a_model_always_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    model, runtime = random_model((16, 16, 16)), _Passes()
    monkeypatch.setattr("tumorseg.predictor.choose_device", lambda _: Device("cuda", ""))
    monkeypatch.setattr("tumorseg.predictor.runtimes", lambda *_: [lambda: runtime])
    prepare(replace(model, spec=replace(model.spec, mirror_axes="x", tta=True)))
    assert set(runtime.mirrorings) == {((), (3,))}


def test_a_gpu_is_made_ready_with_all_inputs_of_a_model_that_compares_both_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, runtime = threshold_model(patch_size=(16, 16, 16), other_half=True), _Passes()
    monkeypatch.setattr("tumorseg.predictor.choose_device", lambda _: Device("cuda", ""))
    monkeypatch.setattr("tumorseg.predictor.runtimes", lambda *_: [lambda: runtime])
    prepare(model)
    assert runtime.sizes == [(8, 16, 16, 16)] * 2


def test_a_gpu_without_room_is_left_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg.predictor.choose_device", lambda _: Device("cuda", ""))
    for error, raised in ((torch.cuda.OutOfMemoryError(), False), (RuntimeError("a bug"), True)):
        runtime = _Passes(error)
        monkeypatch.setattr("tumorseg.predictor.runtimes", lambda *_, runtime=runtime: [lambda: runtime])
        with pytest.raises(RuntimeError) if raised else nullcontext():
            prepare(random_model())
        assert len(runtime.sizes) == 1


def test_progress_grows_to_one_and_a_cancel_stops_at_the_next_tile() -> None:
    model, crop = random_model(patch_size=(8, 8, 8)), np.zeros((4, 8, 8, 16), np.float32)
    reports: list[Progress] = []
    predict(model, crop, CPU, report=reports.append)
    assert [report.fraction for report in reports] == [0, 1 / 3, 2 / 3, 1]
    assert reports[1].seconds_left is not None

    def cancel_second_tile(progress: Progress) -> None:
        if progress.fraction > 0:
            raise CancelledError

    with pytest.raises(CancelledError):
        predict(model, crop, CPU, report=cancel_second_tile)


@pytest.mark.parametrize("shape", [(13, 29, 22), (16, 16, 16)])
def test_a_network_of_stretched_brains_sees_the_whole_crop_at_once(shape: tuple[int, int, int]) -> None:
    model = random_model(patch_size=(16, 16, 16))
    stretched = replace(model, spec=replace(model.spec, resized=True))
    crop = np.random.default_rng(3).normal(size=(4, *shape)).astype(np.float32)

    def to(image: Tensor, size: tuple[int, ...]) -> Tensor:
        return nn.functional.interpolate(image, size=size, mode="trilinear", align_corners=False)

    with torch.inference_mode():
        expected = to(model.network(to(torch.from_numpy(crop)[None], (16, 16, 16))), shape)[0].sigmoid().numpy()
    np.testing.assert_allclose(predict(stretched, crop, CPU).probabilities, expected, atol=2e-6)


def test_a_network_of_whole_crops_sees_the_crop_in_one_pass_padded_to_its_divisor_only() -> None:
    model = random_model(patch_size=(8, 8, 8))
    whole = replace(model, spec=replace(model.spec, single_pass=True))
    crop = np.random.default_rng(3).normal(size=(4, 13, 18, 11)).astype(np.float32)
    padded = np.pad(crop, [(0, 0), (0, 1), (0, 0), (0, 1)])
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(padded)[None])[0, :, :13, :, :11].sigmoid().numpy()
    reports: list[Progress] = []
    prediction = predict(whole, crop, CPU, report=reports.append)
    np.testing.assert_allclose(prediction.probabilities, expected, atol=2e-6)
    assert str(prediction.rung) == "the whole crop (14 x 18 x 12 voxels) on cpu"
    assert (prediction.remarks, len(reports)) == ((), 2)


@pytest.mark.parametrize("mirrorings", [2, 8])
def test_mirrored_images_of_one_pass_give_what_they_give_one_by_one(
    mirrorings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, crop = random_model(), np.random.default_rng(5).normal(size=(4, 8, 8, 12)).astype(np.float32)
    batched = Rung("cpu", "cpu", Tiling("tiles", (8, 8, 8)), mirrorings)
    expected = predict(model, crop, CPU, tta=True).probabilities
    monkeypatch.setattr("tumorseg.predictor.plan", lambda *_: [batched])
    reports: list[Progress] = []
    prediction = predict(model, crop, CPU, tta=True, report=reports.append)
    np.testing.assert_allclose(prediction.probabilities, expected, atol=2e-6)
    assert (prediction.remarks, len(reports)) == ((), 2 * 8 // mirrorings + 1)


class _Overflowing(_Greedy):
    """Answers once with numbers that are too large."""

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.inner(x)
        if self.errors:
            self.errors.clear()
            return answer * torch.inf
        return answer


def test_numbers_that_overflow_are_computed_again_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    model, crop = random_model(), np.random.default_rng(6).normal(size=(4, 8, 8, 8)).astype(np.float32)
    monkeypatch.setattr("tumorseg.torch_runtime.formats", lambda *_: [torch.float16, torch.float32])
    network = _Overflowing(model.network, [OverflowError()])
    prediction = predict(Model(model.spec, network, ""), crop, CPU)  # type: ignore[arg-type]
    assert prediction.runtime == f"PyTorch {torch.__version__}, float32"
    assert prediction.remarks == (
        f"Numbers were too large for PyTorch {torch.__version__}, float16, so the run was repeated in another format.",
    )
    np.testing.assert_array_equal(prediction.probabilities, predict(model, crop, CPU).probabilities)


def test_weights_that_are_no_numbers_are_said_to_be_damaged() -> None:
    """A result without a tumor would look like a finding."""
    model = random_model()
    model.network.heads["0"].bias.data[0] = float("nan")
    with pytest.raises(ModelError, match="network test gives no numbers: its weights are damaged; install it again"):
        predict(model, np.zeros((4, 8, 8, 8), np.float32), CPU)
