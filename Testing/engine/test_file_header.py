"""What headers leave out or say twice: sides, sizes of voxels, positions."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from support.grids import LPS_TO_RAS
from tumorseg.errors import BadInputError
from tumorseg.file_header import header_facts, says_voxel_size, says_where_left_is
from tumorseg.guard_header import two_positions, unknown_sizes
from tumorseg.images import read_volume, write_labels
from tumorseg.sides import unknown_sides

SCAN = np.array([[-1.0, 0, 0, 90], [0, 1, 0, -100], [0, 0, 2, -70], [0, 0, 0, 1]])
Matrix = np.ndarray


def moved(degrees: float = 8, shift: tuple[float, float, float] = (10, 5, 0)) -> Matrix:
    """What SPM's Coregister writes beside the position of the scan."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    motion[:3, 3] = shift
    return np.asarray(motion @ SCAN)


def nifti(path: Path, sform: Matrix, codes: tuple[int, int], pixdim: tuple[float, ...] = (1, 1, 2)) -> Path:
    """A file with the position of the scan in the qform, and another one in the sform."""
    image = nib.Nifti1Image(np.arange(20 * 24 * 16, dtype=np.int16).reshape(20, 24, 16), SCAN)
    image.set_qform(SCAN, 1)
    image.set_sform(sform, 1)
    nib.save(image, path)
    content = bytearray(path.read_bytes())
    content[252:256] = np.array(codes, "<i2").tobytes()
    content[80:92] = np.array(pixdim, "<f4").tobytes()
    path.write_bytes(content)
    return path


def place(path: Path) -> Matrix:
    return np.asarray(LPS_TO_RAS @ read_volume(path).geometry.index_to_lps)


@pytest.mark.parametrize("codes", [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (4, 4), (1, 0)])
def test_a_moved_volume_lies_where_nibabel_puts_it(tmp_path: Path, codes: tuple[int, int]) -> None:
    path = nifti(tmp_path / "t1ce.nii", moved(), codes)
    assert np.allclose(place(path), nib.load(path).affine, atol=1e-4)


@pytest.mark.parametrize("shear", [5e-5, 5e-4, 9e-4])
@pytest.mark.parametrize("code", [1, 2])
def test_a_sform_of_slightly_sheared_axes_is_used_and_told_where_itk_takes_the_qform(
    tmp_path: Path, code: int, shear: float
) -> None:
    """ITK tolerates less; with a code of 1 the volume stayed at the qform, 30 mm away, without a word."""
    sheared = moved() @ np.array([[1, 0, 0, 0], [shear, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    path = nifti(tmp_path / "t1ce.nii", sheared, (1, code))
    assert np.abs(place(path) - sheared).max() < 0.01
    by_itk = np.allclose(sitk.ReadImage(str(path)).GetOrigin(), read_volume(path).geometry.origin, atol=0.1)
    assert (header_facts(path) == {}) == by_itk


def test_two_positions_are_told_and_the_result_lies_with_the_sform_in_every_program(tmp_path: Path) -> None:
    path = nifti(tmp_path / "t1ce.nii", moved(), (1, 2))
    volume = read_volume(path)
    (finding,) = two_positions({"t1ce": volume})
    assert (finding.code, finding.severity) == ("two-positions", "warning")
    assert finding.message == (
        "T1ce (t1ce.nii) has two positions in the header, 30 mm apart: the sform was used, as FSL, SPM and nibabel do; "
        "3D Slicer and ITK-SNAP use the qform."
    )
    result = tmp_path / "result.nii"
    write_labels(np.ones(volume.geometry.shape, np.uint8), volume.geometry, result)
    header = nib.load(result).header
    for affine, code in (header.get_qform(coded=True), header.get_sform(coded=True)):
        assert code
        assert np.allclose(affine, moved(), atol=1e-4)


def test_in_slicer_the_qform_is_used(tmp_path: Path) -> None:
    path = nifti(tmp_path / "t1ce.nii", moved(), (1, 2))
    assert header_facts(path, by_itk=True) == {"position": "qform", "positions_apart_mm": "29.5"}


@pytest.mark.parametrize(
    ("sform", "codes"),
    [
        (SCAN, (1, 2)),
        (moved(0, (0.5, 0.5, 0)), (1, 2)),
        (moved(), (1, 1)),
        (moved(), (0, 2)),
        (moved(), (1, 0)),
    ],
)
def test_positions_of_which_programs_take_the_same(tmp_path: Path, sform: Matrix, codes: tuple[int, int]) -> None:
    path = nifti(tmp_path / "t1.nii", sform, codes)
    assert header_facts(path) == header_facts(path, by_itk=True) == {}


@pytest.mark.parametrize("code", [1, 2, 4])
def test_an_affine_sform_is_told_and_not_used(tmp_path: Path, code: int) -> None:
    sheared = moved()
    sheared[:3, 1] += 0.2 * sheared[:3, 0]
    sheared[:3, 1] /= np.linalg.norm(sheared[:3, 1])
    path = nifti(tmp_path / "t1.nii", sheared, (1, code))
    assert np.allclose(place(path), SCAN, atol=1e-4)
    (finding,) = two_positions({"t1": read_volume(path)})
    assert "the qform was used, as 3D Slicer and ITK-SNAP do" in finding.message


def test_an_atlas_position_with_another_size_keeps_the_qform(tmp_path: Path) -> None:
    path = nifti(tmp_path / "t1.nii", moved() @ np.diag([1.2, 1.1, 1.1, 1]), (1, 4))
    assert np.allclose(place(path), SCAN, atol=1e-4)
    assert read_volume(path).provenance["position"] == "qform"


@pytest.mark.parametrize(("size", "codes"), [(1.5, (0, 1)), (1.5, (0, 2)), (1.5, (1, 1)), (0, (0, 1))])
def test_two_sizes_of_voxels_are_refused(tmp_path: Path, size: float, codes: tuple[int, int]) -> None:
    path = nifti(tmp_path / "t1.nii", SCAN, codes, (1, 1, size))
    with pytest.raises(BadInputError) as problem:
        read_volume(path)
    assert str(problem.value) == (
        f"{path} has two voxel sizes in its header, 1 x 1 x {size:g} mm (pixdim) and 1 x 1 x 2 mm (sform); "
        "convert the images again, or correct the wrong one with the program that wrote it."
    )


def test_transforms_that_mirror_each_other_do_not_say_where_left_is(tmp_path: Path) -> None:
    mirrored = np.diag([-1.0, 1, 1, 1]) @ SCAN
    told = [says_where_left_is(nifti(tmp_path / "t1.nii", mirrored, codes)) for codes in ((1, 1), (1, 2), (0, 1))]
    assert told == [False, False, True]
    volume = read_volume(nifti(tmp_path / "t1.nii", mirrored, (1, 1)))
    assert [finding.code for finding in unknown_sides({"t1": volume})] == ["unknown-sides"]


SIZES = "spacings: 2 2 2"
SPACE = "space: left-posterior-superior"
DIRECTIONS = "space directions: (2,0,0) (0,2,0) (0,0,2)"


@pytest.mark.parametrize(
    ("fields", "side", "size"),
    [
        ([SPACE, DIRECTIONS], True, True),
        (["space: RAS", DIRECTIONS], True, True),
        (["space: scanner-xyz", DIRECTIONS], False, True),
        (["space dimension: 3", DIRECTIONS], False, True),
        ([SIZES], False, True),
        ([], False, False),
    ],
)
def test_nrrd_headers(tmp_path: Path, fields: list[str], side: bool, size: bool) -> None:
    path = tmp_path / "t1.nrrd"
    first = ["NRRD0004", "type: uint8", "dimension: 3", "sizes: 4 4 4", "encoding: raw"]
    path.write_bytes("\n".join([*first, *fields, "", ""]).encode() + bytes(range(64)))
    assert (says_where_left_is(path), says_voxel_size(path)) == (side, size)
    case = {"t1": read_volume(path)}
    assert (not [*unknown_sides(case)], not [*unknown_sizes(case)]) == (side, size)


@pytest.mark.parametrize(
    ("fields", "side", "size"),
    [
        (["TransformMatrix = 1 0 0 0 1 0 0 0 1", "ElementSpacing = 2 2 2"], True, True),
        (["Orientation = 1 0 0 0 1 0 0 0 1", "ElementSize = 2 2 2"], True, True),
        (["AnatomicalOrientation = RAI", "ElementSpacing = 2 2 2"], False, True),
        ([], False, False),
    ],
)
def test_metaimage_headers(tmp_path: Path, fields: list[str], side: bool, size: bool) -> None:
    path = tmp_path / "t1.mha"
    first, last = ["ObjectType = Image", "NDims = 3"], ["DimSize = 4 4 4", "ElementType = MET_UCHAR"]
    path.write_bytes("\n".join([*first, *fields, *last, "ElementDataFile = LOCAL", ""]).encode() + bytes(range(64)))
    assert (says_where_left_is(path), says_voxel_size(path)) == (side, size)
    messages = [finding.message for finding in unknown_sizes({"t1": read_volume(path)})]
    assert messages == (
        [] if size else ["T1 (t1.mha) does not say how large the voxels are, so they are taken to have 1 mm."]
    )


@pytest.mark.parametrize("extension", [".nrrd", ".nhdr", ".mha", ".mhd", ".nii.gz"])
def test_what_itk_writes_says_everything(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"t1{extension}"
    sitk.WriteImage(sitk.Image([4, 5, 6], sitk.sitkInt16), path, useCompression=True)
    assert header_facts(path) == {}
