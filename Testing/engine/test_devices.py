"""Which device is chosen, and the sentence that says why."""

import pytest
import torch

from tumorseg.devices import choose_device
from tumorseg.errors import BadInputError


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "12.8")


def _gpu(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], built_for: list[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built_for)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Test GPU")


@pytest.mark.usefixtures("no_gpu")
def test_auto_falls_back_to_the_cpu_and_says_why() -> None:
    device = choose_device("auto")
    assert device.name == "cpu"
    assert device.reason == "The CPU is used because PyTorch finds no NVIDIA GPU."


@pytest.mark.usefixtures("no_gpu")
def test_a_torch_without_cuda_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert choose_device().reason == "The CPU is used because this PyTorch has no CUDA."


@pytest.mark.parametrize(("capability", "built_for"), [((9, 0), ["sm_80", "sm_90"]), ((8, 9), ["sm_80", "sm_86"])])
def test_a_supported_gpu_is_used(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], built_for: list[str]
) -> None:
    _gpu(monkeypatch, capability, built_for)
    assert choose_device().name == "cuda"
    assert choose_device("cuda:0").name == "cuda:0"
    assert choose_device().reason == "The GPU Test GPU is used."


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_this_torch_was_not_built_for_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    _gpu(monkeypatch, (12, 0), ["sm_80", "sm_90", "compute_90"])
    device = choose_device()
    assert device.name == "cpu"
    assert "not built for the GPU's architecture sm_120" in device.reason


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("gpu", "There is no device gpu; use auto, cpu, cuda, cuda:N or mps."),
        ("cuda", "The device cuda cannot be used: PyTorch finds no NVIDIA GPU; use auto or cpu."),
        ("mps", "The device mps cannot be used: this machine has no Apple GPU"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_words(wanted: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        choose_device(wanted)
    assert str(caught.value).startswith(message)


def test_a_gpu_number_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _gpu(monkeypatch, (9, 0), ["sm_90"])
    with pytest.raises(BadInputError, match=r"cuda:3 cannot be used: this machine has only 1 GPU\(s\)"):
        choose_device("cuda:3")
