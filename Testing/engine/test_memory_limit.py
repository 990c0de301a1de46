"""Real limits of memory: a process that may take no more than a rung is said to need runs on that rung."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.models import random_model, saved
from tumorseg.devices import Device
from tumorseg.memory_ladder import ladder
from tumorseg.modelfile import Model, ModelSpec
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig
from tumorseg.predictor import predict
from tumorseg.tiles import Size

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the data segment")

CROP: Size = (96, 96, 96)

CHILD = """
import json, resource, sys
from pathlib import Path
import numpy as np
from tumorseg.devices import Device
from tumorseg.memory_ladder import ladder, needed_bytes
from tumorseg.modelfile import open_model
from tumorseg.predictor import predict, prepare

model, crop = open_model(Path(sys.argv[1])), np.load(sys.argv[2])
prepare(model, "cpu")
rung = ladder(model.spec, crop.shape[1:], "cpu")[int(sys.argv[4])]
fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
most = int(fields["VmData"].split()[0]) * 1024 + needed_bytes(rung, model.spec, crop.shape[1:])["cpu"] + 2**20
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
prediction = predict(model, crop, Device("cpu", ""))
np.save(sys.argv[3], prediction.probabilities)
print(json.dumps([str(prediction.rung), prediction.runtime, prediction.remarks]))
"""
"""Loads everything, limits itself to what one rung needs on top, and predicts."""


def _spec() -> ModelSpec:
    config = UNet3DConfig(features=(8, 16), norm="batch", deep_supervision=0)
    return replace(random_model().spec, architecture=config.to_dict(), single_pass=True)


@pytest.mark.parametrize(("runtime", "number"), [("auto", 0), ("auto", 1), ("torch", 1)])
def test_what_a_rung_needs_is_enough_for_it(runtime: str, number: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = _spec()
    model = Model(spec, UNet3D(spec.network_config).eval(), "")
    crop = np.random.default_rng(0).normal(size=(4, *CROP)).astype(np.float32)
    np.save(tmp_path / "crop.npy", crop)
    words = [saved(model, tmp_path), tmp_path / "crop.npy", tmp_path / "found.npy", number]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TUMORSEG_RUNTIME": runtime},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rung, used, remarks = json.loads(done.stdout)
    rungs = [str(rung) for rung in ladder(spec, CROP, "cpu")]
    assert rung == rungs[number]
    assert runtime == "auto" or used.startswith("PyTorch")
    told = [f"Memory was not enough for {rungs[0]}, so the run used {rung}."] if number else []
    assert remarks == told
    expected = predict(model, crop, Device("cpu", "")).probabilities
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-4 if "float32" in used else 2e-2)
