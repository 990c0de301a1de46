"""Whether this machine can run a network at all, in one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from support.worker import Event, Script
from tumorseg.selfcheck import SelfCheck, self_check


def test_selfcheck_is_one_sentence(inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    script.send(request="selfcheck", id="c", device="cpu")
    sentence = f"PyTorch {torch.__version__} works. The CPU was asked for."
    assert next_event() == {"event": "selfcheck", "id": "c", "ok": True, "sentence": sentence, "device": "cpu"}
    script.send(request="selfcheck", device="gpu")
    answer = next_event()
    assert (answer["ok"], answer["sentence"]) == (False, "There is no device gpu; use auto, cpu, cuda, cuda:N or mps.")


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("CUDA error: no kernel image is available\nCompile with TORCH_USE_CUDA_DSA")


@pytest.mark.parametrize(
    ("convolution", "said"),
    [
        (_fail, "A test computation on cpu failed (CUDA error: no kernel image is available); choose the CPU."),
        (lambda x, *_, **__: x, "A test computation on cpu gave wrong numbers; update the driver or choose the CPU."),
    ],
)
def test_selfcheck_notices_a_device_that_cannot_compute(
    monkeypatch: pytest.MonkeyPatch, convolution: Callable[..., object], said: str
) -> None:
    monkeypatch.setattr(torch.nn.functional, "conv3d", convolution)
    assert self_check("cpu") == SelfCheck(False, said, "cpu")
