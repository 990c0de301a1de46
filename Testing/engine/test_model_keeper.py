"""The model that stays loaded: until its file changes, and not when it could not be loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.models import random_model, saved, threshold_model
from tumorseg.errors import ModelError
from tumorseg.model_keeper import ModelKeeper


def test_a_changed_model_file_is_loaded_again(tmp_path: Path) -> None:
    keeper = ModelKeeper()
    path = saved(threshold_model(), tmp_path)
    first = keeper.get(str(path), lambda: None)
    assert keeper.get(str(path), lambda: None) is first
    saved(random_model(), tmp_path)
    os.utime(path, ns=(1, 1))
    assert keeper.get(str(path), lambda: None).spec.name == "test"


def test_a_failed_load_is_tried_again(tmp_path: Path) -> None:
    keeper, path = ModelKeeper(), tmp_path / "model.safetensors"
    path.write_bytes(b"no model")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ModelError):
        keeper.get(str(path), lambda: None)
    assert keeper.name is None
    saved(threshold_model(), tmp_path)
    os.utime(path, ns=(1, 1))
    assert keeper.get(str(path), lambda: None).spec.name == keeper.name == "threshold"


def test_a_model_is_made_ready_for_the_device_that_will_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, devices = saved(threshold_model(), tmp_path), []
    monkeypatch.setattr("tumorseg.model_keeper.prepare", lambda model, device: devices.append(device))
    keeper = ModelKeeper()
    first = keeper.get(str(path), lambda: None, "cpu")
    for device in ("cpu", "cuda", "cuda"):
        assert keeper.get(str(path), lambda: None, device) is first
    assert devices == ["cpu", "cuda"]
