"""A disk that is full in the middle of a result: a sentence, and the earlier result stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tumorseg import image_integrity, images
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels, write_probabilities
from tumorseg.volume import Geometry

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels, write_probabilities
from tumorseg.volume import Geometry

noise = np.random.default_rng(0).integers(0, 3, (20, 30, 40)).astype(np.uint8)
for argument in sys.argv[1:]:
    name, limit = argument.split("=")
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))  # writing stops there
    try:
        if "maps" in name:
            write_probabilities(noise[None].astype(np.float32), {"WT": 0.5}, Geometry(noise.shape), Path(name))
        else:
            write_labels(noise, Geometry(noise.shape), Path(name))
    except BadInputError as error:
        print(error)
"""

NAMES = ["a.nii.gz", "a.nii", "a.nrrd", "maps.nii.gz", "maps.nii", "maps.nrrd"]
SENTENCE = "could not be written; check the free space and choose another place."


def write_with_limits(folder: Path, limits: dict[str, int]) -> list[str]:
    """Write into files that cannot grow beyond a limit; what is said."""
    command = [sys.executable, "-c", LIMITED, *(f"{name}={limit}" for name, limit in limits.items())]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_is_told_and_the_earlier_result_stays(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"the earlier result")
    assert write_with_limits(tmp_path, dict.fromkeys(NAMES, 4096)) == [f"{name} {SENTENCE}" for name in NAMES]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(NAMES, b"the earlier result")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_even_the_last_byte_counts(tmp_path: Path) -> None:
    assert write_with_limits(tmp_path, dict.fromkeys(NAMES, 1 << 20)) == []
    sizes = {name: (tmp_path / name).stat().st_size for name in NAMES}
    assert write_with_limits(tmp_path, sizes) == []
    short = {name: size - 1 for name, size in sizes.items()}
    assert write_with_limits(tmp_path, short) == [f"{name} {SENTENCE}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES[:3])
def test_what_lies_on_the_disk_is_decoded_before_it_replaces_anything(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image = sitk.WriteImage

    def damage(image: sitk.Image, file: str, useCompression: bool) -> None:  # noqa: N803, as in SimpleITK
        write_image(image, file, useCompression)
        content = Path(file).read_bytes()
        Path(file).write_bytes(content[:-40] + content[-20:])

    monkeypatch.setattr(images.sitk, "WriteImage", damage)
    labels = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    with pytest.raises(BadInputError, match=SENTENCE):
        write_labels(labels, Geometry(labels.shape), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_results_may_be_larger_than_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_integrity, "MAX_BYTES", 1000)
    maps = np.zeros((3, 4, 5, 6), np.float32)
    write_probabilities(maps, {"WT": 0.5, "TC": 0.5, "ET": 0.5}, Geometry((4, 5, 6)), tmp_path / "maps.nii.gz")
    assert (tmp_path / "maps.nii.gz").exists()
