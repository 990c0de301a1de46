"""Names with letters outside ASCII on Windows, where ITK finds no file under them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from support.grids import OBLIQUE
from tumorseg import itk_names
from tumorseg.errors import BadInputError
from tumorseg.images import WRITABLE, check_writable, read_labels, read_volume, to_image, write_image
from tumorseg.segment_names import read_segments


def garbled(name: object) -> str:
    """What ITK opens: the UTF-8 bytes of a name, read in the code page."""
    assert isinstance(name, str), "SimpleITK 2.3 takes no Path"
    return name.encode().decode("cp1252", "replace")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """SimpleITK as in ``python.exe`` on Windows."""
    set_name: Callable[..., None] = sitk.ImageFileReader.SetFileName
    write: Callable[..., None] = sitk.WriteImage

    def set_garbled(reader: sitk.ImageFileReader, name: str) -> None:
        set_name(reader, garbled(name))

    def write_garbled(image: sitk.Image, name: str, **options: Any) -> None:
        write(image, garbled(name), **options)

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(sitk.ImageFileReader, "SetFileName", set_garbled)
    monkeypatch.setattr(sitk, "WriteImage", write_garbled)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Müller"
    folder.mkdir()
    return folder


LABELS = np.arange(120, dtype=np.uint8).reshape(4, 5, 6)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("name", ["größe.nii.gz", "Größe.NII", "a.nrrd", "ß.seg.nrrd"])
def test_what_is_written_is_read_again(folder: Path, name: str) -> None:
    write_image(to_image(LABELS, OBLIQUE), folder / name)
    np.testing.assert_array_equal(read_labels(folder / name)[0], LABELS)
    volume = read_volume(folder / name)
    assert volume.name == name
    assert volume.provenance["file"] == str(folder / name)
    assert read_segments(folder / name) == {}
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.usefixtures("windows")
def test_a_header_that_names_a_further_file_is_refused(folder: Path) -> None:
    path = folder / "a.mhd"
    path.touch()
    with pytest.raises(BadInputError) as error:
        read_volume(path)
    assert error.value.problems == (
        f"{path} keeps its voxels in a second file, which cannot be found on Windows where a name or folder has "
        "letters other than a to z; rename them, or save it as .nrrd or .nii.gz.",
    )


@pytest.mark.usefixtures("windows")
def test_without_a_place_for_copies_it_is_told_before_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(itk_names, "_places", lambda: [str(folder)])
    with pytest.raises(BadInputError) as error:
        check_writable(folder / "a.nii", WRITABLE)
    assert error.value.problems == (
        f"{folder / 'a.nii'} cannot be used: on Windows its name and folders, or those of the temporary folder (TEMP), "
        "must have no letters other than a to z; choose another place.",
    )


@pytest.mark.usefixtures("windows")
def test_copies_lie_in_the_first_place_that_can_be_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(itk_names, "_places", lambda: [str(folder), "", str(tmp_path / "none"), str(tmp_path)])
    assert itk_names.ascii_place() == str(tmp_path)


def test_elsewhere_nothing_is_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(itk_names, "_places", list)
    write_image(to_image(LABELS, OBLIQUE), folder / "ß.nrrd")
    np.testing.assert_array_equal(read_labels(folder / "ß.nrrd")[0], LABELS)
    assert os.listdir(folder) == ["ß.nrrd"]
