"""Reading and writing image files: parity with nibabel, round trips, and a sentence for each kind of broken file."""

from __future__ import annotations

import hashlib
import math
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from support.grids import LPS_TO_RAS, OBLIQUE
from tumorseg import image_integrity
from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.image_integrity import read_nifti
from tumorseg.images import (
    WRITABLE,
    check_folder,
    check_writable,
    extension_of,
    read_labels,
    read_volume,
    write_labels,
    write_probabilities,
)
from tumorseg.regions import thresholds_text
from tumorseg.volume import Geometry

FORMATS = [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"]
DETACHED = [".nhdr", ".mhd"]


def intensities(shape: tuple[int, ...] = (4, 5, 6), dtype: type = np.int16) -> np.ndarray:
    return np.random.default_rng(0).integers(-5, 1000, shape).astype(dtype)


def save(path: Path, array: np.ndarray, geometry: Geometry = OBLIQUE, vector: bool = False) -> Path:
    image = sitk.GetImageFromArray(array, isVector=vector)
    if image.GetDimension() == 3:
        image.SetOrigin(geometry.origin)
        image.SetSpacing(geometry.spacing)
        image.SetDirection(geometry.direction)
    sitk.WriteImage(image, path, useCompression=True)
    return path


def save_sheared(path: Path, array: np.ndarray, cosine: float) -> np.ndarray:
    """A NIfTI file with a first and second axis that are not perpendicular, and its RAS affine."""
    affine = np.diag([0.5, 0.8, 2.0, 1.0])
    affine[:3, 1] = 0.8 * np.array([cosine, np.sqrt(1 - cosine**2), 0])
    affine[:3, 3] = [-30, -40, 10]
    image = nib.Nifti1Image(array.T, None)
    image.header.set_zooms((0.5, 0.8, 2.0))
    image.set_sform(affine, 2)
    image.header["qform_code"] = 0
    nib.save(image, path)
    return affine


def sentence(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(BadInputError) as caught:
        call(*arguments)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def detached_problem(path: Path) -> str:
    return f"{path} or the data file that belongs to it is missing or damaged; copy both files again."


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_gives_the_same_volume(tmp_path: Path, extension: str) -> None:
    path = save(tmp_path / f"t1{extension}", intensities())
    volume = read_volume(path)
    assert volume.array.dtype == np.float32
    assert np.array_equal(volume.array, intensities())
    assert volume.geometry.matches(OBLIQUE)
    assert volume.name == f"t1{extension}"
    assert volume.provenance == {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_upper_case_extension_and_own_name(tmp_path: Path) -> None:
    path = save(tmp_path / "t1.nii.gz", intensities()).rename(tmp_path / "T1.NII.GZ")
    assert read_volume(path, name="Patient's T1").name == "Patient's T1"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_values_and_geometry_agree_with_nibabel(tmp_path: Path, dtype: type, order: str) -> None:
    image = nib.Nifti1Image(
        intensities(dtype=dtype).T, LPS_TO_RAS @ OBLIQUE.index_to_lps, nib.Nifti1Header(endianness=order)
    )
    image.header.set_data_dtype(dtype)
    if dtype == np.int16:
        image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "x.nii.gz")
    stored = nib.load(tmp_path / "x.nii.gz")
    volume = read_volume(tmp_path / "x.nii.gz")
    np.testing.assert_allclose(volume.array, stored.get_fdata().T, rtol=1e-6)
    np.testing.assert_allclose(LPS_TO_RAS @ volume.geometry.index_to_lps, stored.affine, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "slope", "shape", "decoded"),
    [
        (np.int8, None, (4, 5, 6), True),
        (np.int16, None, (4, 5, 6), True),
        (np.uint32, (1, 0), (4, 5, 6), True),
        (np.float32, None, (4, 5, 6), True),
        (np.int16, (2, 0), (4, 5, 6), False),
        (np.int16, (1, 7), (4, 5, 6), False),
        (np.int64, None, (4, 5, 6), False),
        (np.int16, None, (4, 5, 6, 1), False),
    ],
)
def test_voxels_are_decoded_once_where_that_gives_what_itk_gives(
    tmp_path: Path, dtype: type, slope: tuple[float, float] | None, shape: tuple[int, ...], decoded: bool
) -> None:
    path = tmp_path / "x.nii.gz"
    image = nib.Nifti1Image(np.arange(math.prod(shape)).reshape(shape).astype(dtype), np.eye(4), dtype=dtype)
    image.header.set_slope_inter(*slope or (None, None))
    nib.save(image, path)
    assert (read_nifti(path.read_bytes(), path).voxels() is not None) == decoded
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(path), sitk.sitkFloat32))
    np.testing.assert_array_equal(read_volume(path).array, expected.reshape(shape[2::-1]))


def test_nifti_that_is_not_compressed_in_spite_of_its_name(tmp_path: Path) -> None:
    plain = save(tmp_path / "x.nii", intensities())
    assert np.array_equal(read_volume(plain.rename(tmp_path / "x.nii.gz")).array, intensities())


def test_fourth_axis_of_size_one_is_dropped(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(intensities().T[..., None], np.eye(4)), tmp_path / "x.nii")
    assert np.array_equal(read_volume(tmp_path / "x.nii").array, intensities())
    save(tmp_path / "x.nrrd", intensities()[None])
    assert np.array_equal(read_volume(tmp_path / "x.nrrd").array, intensities())


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd"])
def test_one_volume_of_a_4d_file_is_read_when_asked_for(tmp_path: Path, extension: str) -> None:
    path = save(tmp_path / f"x{extension}", intensities((3, 4, 5, 6)))
    for frame in range(3):
        assert np.array_equal(read_volume(path, frame=frame).array, intensities((3, 4, 5, 6))[frame])
    with pytest.raises(BadInputError, match=r"holds 3 volumes; number 3 is missing"):
        read_volume(path, frame=3)
    single = save(tmp_path / f"single{extension}", intensities())
    assert np.array_equal(read_volume(single, frame=0).array, intensities())
    with pytest.raises(BadInputError, match=r"holds 1 volume; number 1 is missing"):
        read_volume(single, frame=1)


def test_a_small_file_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.nii.gz", np.zeros((20, 20, 20), np.uint8))
    monkeypatch.setattr(image_integrity, "MAX_BYTES", 8000)
    assert "decodes to more than 0 GiB, which no MR volume has" in sentence(read_volume, path)


@pytest.mark.parametrize("extension", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("kept", [0, 5, 300, 0.5, 0.99])
def test_truncated_file_is_told_and_nothing_else_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], extension: str, kept: float
) -> None:
    path = save(tmp_path / f"t1{extension}", intensities((20, 20, 20)))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    assert sentence(read_volume, path) in {
        f"{path} is incomplete or damaged; copy or export it again.",
        f"{path} is not an image of the format that its extension says; export it again.",
    }
    assert capfd.readouterr() == ("", "")


def test_last_byte_is_missing(tmp_path: Path) -> None:
    path = save(tmp_path / "t1.nii", intensities())
    path.write_bytes(path.read_bytes()[:-1])
    assert sentence(read_volume, path) == f"{path} is incomplete or damaged; copy or export it again."


def test_damage_within_a_compressed_file_is_found(tmp_path: Path) -> None:
    path = save(tmp_path / "t1.nii.gz", intensities((20, 20, 20)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert sentence(read_volume, path) == f"{path} is incomplete or damaged; copy or export it again."


@pytest.mark.parametrize("extension", FORMATS)
def test_text_with_the_name_of_an_image(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"t1{extension}"
    path.write_text("404: not found. " * 100)
    expected = f"{path} is not an image of the format that its extension says; export it again."
    assert sentence(read_volume, path) == (detached_problem(path) if extension in DETACHED else expected)


@pytest.mark.parametrize("extension", DETACHED)
def test_data_file_that_is_missing_or_truncated(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], extension: str
) -> None:
    path = save(tmp_path / f"t1{extension}", intensities())
    (data,) = set(tmp_path.iterdir()) - {path}
    data.write_bytes(data.read_bytes()[:100])
    assert sentence(read_volume, path) == detached_problem(path)
    data.unlink()
    assert sentence(read_volume, path) == detached_problem(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets exist as files that cannot be opened")
def test_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("t1.nrrd")
        words = "t1.nrrd cannot be read (No such device or address); check its access rights and the disk."
        assert sentence(read_volume, Path("t1.nrrd")) == words


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/mem opens, but its first page cannot be read")
def test_file_that_opens_but_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t1.nii"
    path.symlink_to("/proc/self/mem")
    words = f"{path} cannot be read (Input/output error); check its access rights and the disk."
    assert sentence(read_volume, path) == words


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    words = "cannot be used: its name, or that of a folder on the way, is not UTF-8; rename it."
    assert sentence(read_volume, folder / "t1.nii") == rf"{tmp_path}/caf\xe9/t1.nii {words}"
    assert sentence(check_writable, folder / "t1.nii", WRITABLE) == rf"{tmp_path}/caf\xe9/t1.nii {words}"
    assert sentence(check_folder, folder) == rf"{tmp_path}/caf\xe9 {words}"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
def test_names_that_are_utf_8_where_python_takes_them_for_ascii() -> None:
    path = Path(b"/tmp/M\xc3\xbcller/t1.nii".decode("ascii", "surrogateescape"))
    assert sentence(read_volume, path) == (
        r"/tmp/M\xc3\xbcller/t1.nii cannot be used: its name, or that of a folder on the way, is UTF-8, but the "
        "shell's language is not; set LANG to a UTF-8 locale such as C.UTF-8, or PYTHONUTF8=1."
    )


def test_files_that_are_no_volume(tmp_path: Path) -> None:
    assert sentence(read_volume, tmp_path / "no.nii") == f"{tmp_path}/no.nii does not exist; check the name."
    assert sentence(read_volume, tmp_path) == (
        f"{tmp_path} is a folder; name an image file (load a DICOM series in 3D Slicer and save it)."
    )
    picture = tmp_path / "brain.png"
    picture.touch()
    assert sentence(read_volume, picture) == (
        f"{picture} is not a known kind of image: its name must end in .nii.gz, .nii, .nrrd, .nhdr, .mha or .mhd."
    )
    nib.save(nib.Nifti2Image(intensities(), np.eye(4)), tmp_path / "two.nii")
    assert sentence(read_volume, tmp_path / "two.nii") == (
        f"{tmp_path}/two.nii is a NIfTI-2 file; save it as NIfTI-1 or NRRD."
    )


def test_pixels_that_are_no_intensities(tmp_path: Path) -> None:
    def problem(name: str, array: np.ndarray, vector: bool = False) -> str:
        path = save(tmp_path / name, array, vector=vector)
        return sentence(read_volume, path).removeprefix(f"{path} ")

    extract = "save the one you need as a file of its own, e.g. in 3D Slicer with the Sequences module."
    assert problem("a.nii.gz", intensities((7, 4, 5, 6))) == f"holds 7 volumes (4-D); {extract}"
    assert problem("b.nrrd", intensities((7, 4, 5, 6))) == f"holds 7 volumes (4-D); {extract}"
    color = "has 3 values per voxel (color or vectors); give a grayscale image."
    assert problem("c.nii", intensities((4, 5, 6, 3), np.uint8), vector=True) == color
    assert problem("d.nrrd", intensities((4, 5, 6, 3), np.float32), vector=True) == color
    complex_numbers = "holds complex numbers; give the magnitude image."
    assert problem("e.nii", intensities(dtype=np.complex64)) == complex_numbers
    assert problem("f.mha", intensities((5, 6))) == "is a single 2-D image; give the whole volume."


def test_slightly_sheared_nifti_is_straightened_about_its_centre(tmp_path: Path) -> None:
    array = intensities((20, 40, 60))
    affine = save_sheared(tmp_path / "x.nii.gz", array, 0.005)
    volume = read_volume(tmp_path / "x.nii.gz")
    assert np.array_equal(volume.array, array)
    assert volume.name == "x.nii.gz"
    cosines = np.reshape(volume.geometry.direction, (3, 3))
    np.testing.assert_allclose(cosines.T @ cosines, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(volume.geometry.spacing, (0.5, 0.8, 2.0), rtol=1e-4)
    ras = LPS_TO_RAS @ volume.geometry.index_to_lps
    centre = np.array([29.5, 19.5, 9.5, 1])
    np.testing.assert_allclose(ras @ centre, affine @ centre, atol=1e-3)
    corner = np.array([59, 39, 19, 1])
    assert 0 < np.linalg.norm((ras - affine) @ corner) < 0.1


@pytest.mark.parametrize("extension", [".nii", ".nrrd", ".mha"])
def test_clearly_sheared_grid_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"x{extension}"
    if extension == ".nii":
        save_sheared(path, intensities(), 0.05)
    else:
        save(path, intensities(), Geometry((4, 5, 6), direction=(1, 0.05, 0, 0, 1, 0, 0, 0, 1)))
    assert sentence(read_volume, path) == (
        f"{path} has axes that are not perpendicular (sheared grid); "
        "resample it to a regular grid first, e.g. in 3D Slicer with Resample Scalar/Vector/DWI Volume."
    )


def save_nifti(path: Path, sizes: tuple[float, ...] = (1, 1, 1), unit: str = "mm", dtype: type = np.int16) -> Path:
    image = nib.Nifti1Image(intensities(dtype=dtype).T, np.eye(4), dtype=dtype)
    image.header["pixdim"][1:4] = sizes
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return path


@pytest.mark.parametrize(
    ("sizes", "unit", "words"),
    [
        ((-1, 1, 1), "mm", "-1 x 1 x 1"),
        ((1, 1, 1), "meter", "1000 x 1000 x 1000"),
        ((1, 1, 1), "micron", "0.001 x 0.001 x 0.001"),
    ],
)
@pytest.mark.parametrize("dtype", [np.int16, np.int64])
def test_voxels_of_an_impossible_size_are_refused(
    tmp_path: Path, sizes: tuple[float, ...], unit: str, words: str, dtype: type
) -> None:
    path = save_nifti(tmp_path / "t1.nii.gz", sizes, unit, dtype)
    expected = (
        f"{path} has 6 x 5 x 4 voxels of {words} mm, which no scanner makes; "
        "check the voxel size and its unit in the header, or convert the images again."
    )
    assert sentence(read_volume, path) == expected
    assert sentence(read_labels, path) == expected


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(WRITABLE),
    st.tuples(*[st.integers(-180, 180)] * 3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
    st.booleans(),
)
def test_labels_round_trip_on_any_grid(
    tmp_path_factory: pytest.TempPathFactory,
    extension: str,
    degrees: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    mirrored: bool,
) -> None:
    matrix = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ np.diag([-1 if mirrored else 1, 1, 1])
    geometry = Geometry((4, 5, 6), origin, spacing, tuple(matrix.ravel()))
    labels = np.random.default_rng(1).integers(0, 6, geometry.shape).astype(np.uint8)
    path = tmp_path_factory.mktemp("labels") / f"seg{extension}"
    write_labels(labels, geometry, path)
    read, found = read_labels(path)
    assert np.array_equal(read, labels)
    assert found.matches(geometry)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    if extension != ".nrrd":
        np.testing.assert_allclose(nib.load(path).affine, LPS_TO_RAS @ geometry.index_to_lps, atol=1e-3)


def test_metadata_are_kept_on_one_line_of_an_nrrd_header(tmp_path: Path) -> None:
    path = tmp_path / "seg.nrrd"
    write_labels(np.zeros((4, 5, 6), np.uint8), OBLIQUE, path, {"model": "default 0.1", "inputs": "a.nii\nb.nii"})
    image = sitk.ReadImage(path)
    assert image.GetMetaData("TumorSegUNet_model") == "default 0.1"
    assert image.GetMetaData("TumorSegUNet_inputs") == "a.nii b.nii"


def test_whole_numbers_stored_as_float_are_labels(tmp_path: Path) -> None:
    path = save(tmp_path / "seg.nii.gz", np.array([[[0, 4, 255]]], np.float64))
    labels, _ = read_labels(path)
    assert labels.tolist() == [[[0, 4, 255]]]
    assert labels.dtype == np.uint8


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (-1, "-1"), (256, "256"), (np.nan, "nan")])
def test_an_image_is_no_label_map(tmp_path: Path, value: float, text: str) -> None:
    path = save(tmp_path / "t1.nrrd", np.array([[[0, 1, value]]], np.float32))
    assert sentence(read_labels, path) == (
        f"{path} is not a label map: it holds the value {text}; give a segmentation with whole numbers from 0 to 255."
    )


def test_segmentation_with_overlapping_segments(tmp_path: Path) -> None:
    path = save(tmp_path / "two.seg.nrrd", np.zeros((4, 5, 6, 2), np.uint8), vector=True)
    assert sentence(read_labels, path) == (
        f"{path} holds overlapping segments in 2 layers; "
        "remove the overlap in the Segment Editor of 3D Slicer and save as .seg.nrrd."
    )
    assert sentence(read_volume, path) == f"{path} has 2 values per voxel (color or vectors); give a grayscale image."


LONGEST = 255
"""Bytes of a name on almost every file system."""


@pytest.mark.parametrize("name", ["OUT.NII.GZ", "Out.Nii", "out.NII", "Out.Nii.gz", "OUT.NRRD", "Out.Nrrd"])
def test_extensions_may_be_written_as_one_likes(tmp_path: Path, name: str) -> None:
    labels = np.ones(OBLIQUE.shape, np.uint8)
    write_labels(labels, OBLIQUE, tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert np.array_equal(read_labels(tmp_path / name)[0], labels)


@pytest.mark.parametrize("letter", ["x", "漢"])
@pytest.mark.parametrize("extension", [".nii.gz", ".nii", ".nrrd"])
def test_names_may_be_as_long_as_the_system_allows(tmp_path: Path, letter: str, extension: str) -> None:
    labels = np.ones(OBLIQUE.shape, np.uint8)
    path = tmp_path / (letter * ((LONGEST - len(extension)) // len(letter.encode())) + extension)
    write_labels(labels, OBLIQUE, path)
    assert np.array_equal(read_labels(path)[0], labels)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("x" * LONGEST + ".nii")
    words = f"{path} cannot be used: its name is too long; choose a shorter one."
    assert sentence(check_writable, path, WRITABLE) == words
    assert sentence(read_volume, path) == words
    assert sentence(check_folder, path) == words


def test_probabilities_as_4d_nifti(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).random((3, 4, 5, 6), np.float32)
    write_probabilities(maps, {"WT": 0.5138836341552381, "TC": 1 / 3, "ET": 0.5}, OBLIQUE, tmp_path / "p.nii.gz")
    image = nib.load(tmp_path / "p.nii.gz")
    assert np.array_equal(image.get_fdata(dtype=np.float32).T, maps)
    np.testing.assert_allclose(image.affine, LPS_TO_RAS @ OBLIQUE.index_to_lps, atol=1e-4)
    description = bytes(image.header["descrip"]).rstrip(b"\0")
    assert description == b"Probabilities: WT > 0.51388365, TC > 0.333333343, ET > 0.5"


@given(st.floats(1e-30, 1, exclude_max=True))
def test_thresholds_are_told_to_the_last_bit_of_the_maps_and_fit_into_nifti(threshold: float) -> None:
    text = thresholds_text({"WT": threshold, "TC": threshold, "ET": threshold})
    assert np.float32(text.rpartition(" > ")[2]) == np.float32(threshold)
    assert len(f"Probabilities: {text}") < 80


def test_probabilities_as_nrrd_components(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).random((2, 4, 5, 6), np.float32)
    write_probabilities(maps, {"WT": 0.5, "TC": 0.25}, OBLIQUE, tmp_path / "p.nrrd")
    image = sitk.ReadImage(tmp_path / "p.nrrd")
    assert np.array_equal(np.moveaxis(sitk.GetArrayFromImage(image), -1, 0), maps)
    assert image.GetMetaData("TumorSegUNet_regions") == "WT, TC"
    assert image.GetMetaData("TumorSegUNet_thresholds") == "WT > 0.5, TC > 0.25"
    np.testing.assert_allclose(image.GetDirection(), OBLIQUE.direction, atol=1e-9)


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.nii").mkdir()
    labels = np.zeros(OBLIQUE.shape, np.uint8)

    def problem(path: Path) -> str:
        return sentence(write_labels, labels, OBLIQUE, path).removeprefix(f"{path} ")

    assert problem(tmp_path / "a.png") == "cannot be written: its name must end in .nii.gz, .nii or .nrrd."
    assert problem(tmp_path / "folder.nii") == "is a folder; name a file in it."
    assert problem(tmp_path / "no" / "a.nii") == (
        f"cannot be written: the folder {tmp_path}/no does not exist; create it first."
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder.nii"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder where not even root can write")
def test_write_protected_folder() -> None:
    assert sentence(check_writable, Path("/proc/a.nii"), [".nii"]) == (
        "/proc/a.nii cannot be written: it or its folder is write-protected; choose another place."
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anything")
def test_write_protected_file(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.touch(0o444)
    assert sentence(check_writable, path, [".nii"]) == (
        f"{path} cannot be written: it or its folder is write-protected; choose another place."
    )


def test_check_writable_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "old.nii.gz"
    path.write_bytes(b"the user's")
    assert check_writable(path, WRITABLE) == ".nii.gz"
    assert path.read_bytes() == b"the user's"
    assert list(tmp_path.iterdir()) == [path]


def test_longest_extension_counts() -> None:
    assert extension_of(Path("a.SEG.nrrd"), (".nrrd", ".seg.nrrd")) == ".seg.nrrd"
    assert extension_of(Path("a.seg.nrrd"), (".nrrd",)) == ".nrrd"
    assert extension_of(Path("nrrd"), (".nrrd",)) is None


def test_atomic_path_replaces_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.seg.nrrd"
    path.write_text("old")
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".seg.nrrd")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_names_are_short_and_have_the_extensions_in_lower_case(tmp_path: Path) -> None:
    with atomic_path(tmp_path / f"{'X' * 200}.SEG.NRRD") as temporary:
        assert re.fullmatch(r"\.tmp-[0-9a-f]{8}-x{7}\.seg\.nrrd", temporary.name)
        temporary.touch()


def test_atomic_path_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match=r"^disk full$"), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exists", [True, False])
def test_atomic_path_writes_through_a_link(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "data", tmp_path / "a.nii.gz"
    if exists:
        target.write_text("old")
    link.symlink_to(target)
    with atomic_path(link) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_link_into_a_missing_folder_is_refused_before_the_run(tmp_path: Path) -> None:
    link = tmp_path / "a.nii.gz"
    link.symlink_to(tmp_path / "gone" / "a.nii.gz")
    assert sentence(check_writable, link, WRITABLE) == (
        f"{link} cannot be written: the folder {tmp_path / 'gone'} does not exist; create it first."
    )


def test_a_file_that_cannot_be_replaced_is_told_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Access is denied", str(source), None, str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError) as caught, atomic_path(path) as temporary:
        temporary.write_text("new")
    assert (caught.value.filename, caught.value.filename2, caught.value.strerror) == (
        str(path),
        None,
        "Access is denied",
    )
    assert list(tmp_path.iterdir()) == []


def test_real_volume_agrees_with_nibabel(data_folder: Path) -> None:
    path = data_folder / "native" / "TCGA-DU-7294" / "t1ce.nii.gz"
    volume = read_volume(path)
    image = nib.load(path)
    assert np.array_equal(volume.array, image.get_fdata(dtype=np.float32).T)
    np.testing.assert_allclose(LPS_TO_RAS @ volume.geometry.index_to_lps, image.affine, atol=1e-3)


@pytest.mark.parametrize(("dtype", "order"), [(np.float32, "<"), (np.float64, "<"), (np.float32, ">")])
@pytest.mark.parametrize(("values", "count"), [([np.nan], "1 voxel "), ([np.nan, np.inf], "2 voxels ")])
def test_voxels_that_are_not_numbers_are_counted(
    tmp_path: Path, dtype: type, order: str, values: list[float], count: str
) -> None:
    array = np.ones((4, 4, 4), np.dtype(dtype).newbyteorder(order))
    array.flat[: len(values)] = values
    path = tmp_path / "t1.nii.gz"
    nib.save(nib.Nifti1Image(array, np.eye(4), nib.Nifti1Header(endianness=order)), path)
    with pytest.raises(
        BadInputError, match=rf"t1\.nii\.gz has {count}without a valid number \(NaN or infinite\); export"
    ):
        read_volume(path)


@settings(max_examples=60, deadline=None)
@given(offset=st.sampled_from([40, 42, 70, 72, 108, 110]), content=st.binary(min_size=2, max_size=2))
def test_a_damaged_header_is_a_sentence_or_still_an_image(
    tmp_path_factory: pytest.TempPathFactory, offset: int, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("header") / "t1.nii"
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4)), path)
    header = bytearray(path.read_bytes())
    header[offset : offset + 2] = content
    path.write_bytes(header)
    problem = str(path)
    try:
        read_volume(path)
    except BadInputError as error:
        problem = str(error)
    assert str(path) in problem
