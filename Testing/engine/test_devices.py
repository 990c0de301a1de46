"""Which device is chosen, and the sentence that says why."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from tumorseg import devices
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
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda count, device: zeros(count))


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
    ("error", "reason"),
    [
        (
            RuntimeError(
                "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCompile with TORCH_USE_CUDA_DSA"
            ),
            "The CPU is used because the GPU does not answer (CUDA error: CUDA-capable device(s) is/are busy or "
            "unavailable).",
        ),
        (torch.cuda.OutOfMemoryError("full"), "The GPU Test GPU is used."),
    ],
)
def test_a_gpu_that_does_not_answer_is_not_used_but_a_full_one_is_planned_for(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zeros(count: int, device: str) -> None:
        assert device == "cuda:0"
        raise error

    _gpu(monkeypatch, (9, 0), ["sm_90"])
    monkeypatch.setattr(torch, "zeros", zeros)
    assert choose_device().reason == reason


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(("built_for", "name"), [(["gfx906", "gfx90a"], "cuda"), (["gfx906"], "cpu")])
def test_gpus_of_amd_have_names_of_their_own(built_for: list[str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _gpu(monkeypatch, (9, 0), built_for)
    monkeypatch.setattr(torch.version, "hip", "7.0")
    facts = SimpleNamespace(gcnArchName="gfx90a:sramecc+:xnack-")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: facts)
    device = choose_device()
    assert device.name == name
    assert name == "cuda" or "not built for the GPU's architecture gfx90a" in device.reason


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


def test_without_a_driver_torch_is_not_even_imported() -> None:
    code = (
        "import sys; from tumorseg import devices; devices._may_have_gpu = lambda: False\n"
        "print(devices.choose_device()); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reason = "The CPU is used because this machine has no driver of a GPU."
    assert answer.stdout.splitlines() == [f"Device(name='cpu', reason='{reason}')", "False"]


@pytest.mark.parametrize(("system", "library"), [("linux", "libcuda.so.1"), ("win32", "nvcuda.dll")])
def test_a_driver_that_can_be_loaded_is_worth_asking_torch(
    system: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    assert devices._may_have_gpu()
    assert asked == [library]


def test_apples_processors_have_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert devices._may_have_gpu()
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert not devices._may_have_gpu()
