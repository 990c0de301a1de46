"""Image files to and from arrays with geometry, through SimpleITK."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.atomic import atomic_path, link_target
from tumorseg.errors import BadInputError
from tumorseg.file_header import header_facts, refuse_two_sizes, second_position
from tumorseg.image_integrity import (
    damaged,
    not_an_image,
    perpendicular,
    read_nifti,
    settle,
    straightened,
    temporary_copy,
)
from tumorseg.itk_names import check_copies, needs_copy, writable_name
from tumorseg.quiet import quiet_stderr
from tumorseg.regions import thresholds_text
from tumorseg.volume import FloatArray, Geometry, LabelArray, Volume

READABLE = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Extensions of images that can be read."""

WRITABLE = (".nii.gz", ".nii", ".nrrd")
"""Extensions of label maps and probability maps that can be written."""

METADATA_PREFIX = "TumorSegUNet_"
"""Of our own keys in the header of NRRD files."""

_METAIMAGE = (".mha", ".mhd")
_NIFTI = (".nii", ".nii.gz")
_DETACHED = (".mhd", ".nhdr")  # headers whose voxels are in a file of their own


def read_volume(path: Path, name: str | None = None, frame: int | None = None) -> Volume:
    """Read one MR volume: NIfTI, NRRD or MetaImage, any scalar pixel type, scaling of the header applied.

    NIfTI files with NaN or infinite voxels are refused, because ITK would read them as 0; in the other formats they
    stay, for the guard to find.

    Args:
        path: the file.
        name: what messages call the volume; the file name unless given.
        frame: which volume of a 4-D file, from 0; None for a file that must hold only one.

    Returns:
        float32 (z, y, x); the provenance holds ``file`` (absolute path), ``sha256`` (of the file's bytes), and
        ``header_facts``, what the header leaves out or says twice.

    Raises:
        BadInputError: one sentence on why the file cannot be used.
    """
    array, geometry, sha256 = _read(path, sitk.sitkFloat32, frame)
    provenance = {"file": str(path.absolute()), "sha256": sha256, **header_facts(path)}
    return Volume(array, geometry, name or path.name, provenance)


def read_labels(path: Path) -> tuple[LabelArray, Geometry]:
    """Read a label map or a 3D Slicer segmentation (``.seg.nrrd``) without overlapping segments.

    Returns:
        The numbers as they are in the file, uint8 (z, y, x), and the file's grid.

    Raises:
        BadInputError: one sentence on why the file cannot be used.
    """
    layers, geometry = read_layers(path)
    return only_layer(layers, path), geometry


def read_layers(path: Path) -> tuple[LabelArray, Geometry]:
    """Read a label map, or a 3D Slicer segmentation (``.seg.nrrd``), which has several layers if segments overlap.

    Returns:
        The numbers as they are in the file, uint8 (layer, z, y, x), and the file's grid.

    Raises:
        BadInputError: one sentence on why the file cannot be used.
    """
    values, geometry, _ = _read(path, sitk.sitkUnknown)
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.uint8)
    strange = values[labels != values]
    if strange.size:
        raise BadInputError(
            f"{path} is not a label map: it holds the value {strange[0]:.6g}; "
            "give a segmentation with whole numbers from 0 to 255."
        )
    return np.moveaxis(labels.reshape(*geometry.shape, -1), -1, 0), geometry


def only_layer(layers: LabelArray, path: Path) -> LabelArray:
    """The label map (z, y, x) of a file that must not have several layers.

    Raises:
        BadInputError: it has.
    """
    if len(layers) > 1:
        raise BadInputError(
            f"{path} holds overlapping segments in {len(layers)} layers; "
            "remove the overlap in the Segment Editor of 3D Slicer and save as .seg.nrrd."
        )
    return layers[0]


def write_labels(labels: LabelArray, geometry: Geometry, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a label map (z, y, x), compressed unless the extension is ``.nii``.

    Args:
        labels: numbers to write as they are.
        geometry: the grid of the array.
        path: ``.nii.gz``, ``.nii`` or ``.nrrd``; an existing file is replaced at the end.
        metadata: kept in the header of NRRD files; NIfTI has no place for it.

    Raises:
        BadInputError: the file cannot be written there.
    """
    check_writable(path, WRITABLE)
    image = to_image(labels, geometry)
    set_metadata(image, metadata or {})
    write_image(image, path)


def write_probabilities(
    probabilities: FloatArray, thresholds: Mapping[str, float], geometry: Geometry, path: Path
) -> None:
    """Write probability maps: a 4-D NIfTI file, or an NRRD file with one component per region.

    Args:
        probabilities: (region, z, y, x), float32.
        thresholds: of the regions, in order; kept with their names in NIfTI's ``descrip``, which has 80 bytes, and
            NRRD's ``TumorSegUNet_regions`` and ``TumorSegUNet_thresholds``.
        geometry: the grid of the maps.
        path: ``.nii.gz``, ``.nii`` or ``.nrrd``.

    Raises:
        BadInputError: the file cannot be written there.
    """
    extension = check_writable(path, WRITABLE)
    maps = [to_image(channel, geometry) for channel in probabilities]
    image = sitk.JoinSeries(maps) if extension in _NIFTI else sitk.Compose(maps)
    image.SetMetaData("ITK_FileNotes", f"Probabilities: {thresholds_text(thresholds)}")
    set_metadata(image, {"regions": ", ".join(thresholds), "thresholds": thresholds_text(thresholds)})
    write_image(image, path)


def check_writable(path: Path, extensions: Sequence[str]) -> str:
    """Make sure, before a long run, that its result can be written.

    Returns:
        The extension, one of those given.

    Raises:
        BadInputError: unknown extension, missing or write-protected folder, a folder in place of the file, or a name
            that is too long or not UTF-8.
    """
    extension = extension_of(path, extensions)
    if extension is None:
        raise BadInputError(f"{path} cannot be written: its name must end in {_alternatives(extensions)}.")
    _check_name(path)
    if path.is_dir():
        raise BadInputError(f"{path} is a folder; name a file in it.")
    folder = link_target(path).parent
    if not folder.is_dir():
        raise BadInputError(f"{path} cannot be written: the folder {folder} does not exist; create it first.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
        allowed = not path.exists() or os.access(path, os.W_OK)
    except OSError:
        allowed = False
    if not allowed:
        raise BadInputError(f"{path} cannot be written: it or its folder is write-protected; choose another place.")
    return extension


def check_folder(path: Path) -> None:
    """Make sure, before a long run, that files can be written into a folder; it is made if needed.

    Raises:
        BadInputError: it is a file, cannot be made or written to, or has a name that is too long or not UTF-8.
    """
    _check_name(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise BadInputError(f"{path} cannot be used as a folder ({error.strerror}); choose another place.") from error


def extension_of(path: Path, known: Sequence[str]) -> str | None:
    """The longest of the known extensions that the file name ends in, if any; upper and lower case are the same.

    ``.seg.nrrd`` counts as an extension of its own where it is known.
    """
    matching = [extension for extension in known if path.name.lower().endswith(extension)]
    return max(matching, key=len, default=None)


def to_image(array: npt.NDArray[Any], geometry: Geometry) -> sitk.Image:
    """A SimpleITK image with a copy of the array (z, y, x) on the given grid."""
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetOrigin(geometry.origin)
    image.SetSpacing(geometry.spacing)
    image.SetDirection(geometry.direction)
    return image


def geometry_of(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The grid of a 3-D SimpleITK image, or of the file whose header was read."""
    nx, ny, nz = image.GetSize()
    return Geometry((nz, ny, nx), image.GetOrigin(), image.GetSpacing(), image.GetDirection())


def set_metadata(image: sitk.Image, metadata: Mapping[str, str]) -> None:
    """Attach our own key/value pairs, which NRRD keeps; line breaks in values become spaces."""
    for key, value in metadata.items():
        image.SetMetaData(METADATA_PREFIX + key, " ".join(value.split()))


def write_image(image: sitk.Image, path: Path) -> None:
    """Write a SimpleITK image atomically and compressed.

    Raises:
        BadInputError: the system refuses, e.g. because the disk is full.
    """
    values = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    try:
        with atomic_path(path) as temporary:
            with writable_name(temporary) as name:
                sitk.WriteImage(image, name, useCompression=True)
            settle(temporary, values * image.GetSizeOfPixelComponent())
    except (RuntimeError, OSError) as error:
        raise BadInputError(f"{path} could not be written; check the free space and choose another place.") from error


def _read(path: Path, pixel_type: int, frame: int | None = None) -> tuple[npt.NDArray[Any], Geometry, str]:
    """Voxels (z, y, x) of the given pixel type, their grid with perpendicular axes, and the file's SHA-256.

    Layers of a ``.seg.nrrd`` are read where the pixel type is unknown, (z, y, x, layer).
    """
    extension = _check_file(path)
    data = _bytes_of(path)
    voxels, second = None, None
    if extension in _NIFTI:
        content = read_nifti(data, path)
        refuse_two_sizes(content.header, path)
        second = second_position(content.header)
        # What is decoded already needs not be decoded a second time by ITK.
        voxels = content.voxels() if pixel_type == sitk.sitkFloat32 and frame is None else None
    quiet = quiet_stderr() if extension in _METAIMAGE else nullcontext()
    with quiet, _for_itk(path, extension, data) as file:
        array, geometry = _read_image(path, file, pixel_type, frame, voxels)
    if second:
        geometry = second.place(geometry)
    cosines = perpendicular(np.reshape(geometry.direction, (3, 3)), path)
    return array, replace(geometry, direction=tuple(cosines.ravel().tolist())), hashlib.sha256(data).hexdigest()


def _check_file(path: Path) -> str:
    _check_name(path)
    if path.is_dir():
        raise BadInputError(f"{path} is a folder; name an image file (load a DICOM series in 3D Slicer and save it).")
    if not path.exists():
        raise BadInputError(f"{path} does not exist; check the name.")
    extension = extension_of(path, READABLE)
    if extension is None:
        raise BadInputError(f"{path} is not a known kind of image: its name must end in {_alternatives(READABLE)}.")
    return extension


def _check_name(path: Path) -> None:
    """Refuse a name that the system cannot have, and one over which SimpleITK ends the process or finds no file."""
    try:
        str(path.absolute()).encode()
        os.lstat(path)
    except UnicodeEncodeError as error:
        raise _not_utf8(os.fsencode(path)) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise BadInputError(f"{path} cannot be used: its name is too long; choose a shorter one.") from error
    check_copies(path)


def _not_utf8(name: bytes) -> BadInputError:
    """The problem of a name that Python could not decode, which may lie in the name or in the locale."""
    try:
        name.decode()
        remedy = (
            "is UTF-8, but the shell's language is not; set LANG to a UTF-8 locale such as C.UTF-8, or PYTHONUTF8=1."
        )
        told = name.decode("ascii", "backslashreplace")
    except UnicodeDecodeError:
        remedy, told = "is not UTF-8; rename it.", name.decode(errors="backslashreplace")
    return BadInputError(f"{told} cannot be used: its name, or that of a folder on the way, {remedy}")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read ({error.strerror}); check its access rights and the disk."
        ) from error


def _for_itk(path: Path, extension: str, data: bytes) -> AbstractContextManager[Path]:
    """The file, or a copy of one that ITK refuses for its name: it knows ``.nii`` and ``.NII``, but not ``.Nii``."""
    mixed = extension in _NIFTI and path.name[-len(extension) :] not in (extension, extension.upper())
    if needs_copy(path) and extension in _DETACHED:
        raise BadInputError(
            f"{path} keeps its voxels in a second file, which cannot be found on Windows where a name or folder has "
            "letters other than a to z; rename them, or save it as .nrrd or .nii.gz."
        )
    return temporary_copy(data, f"copy{extension}") if mixed or needs_copy(path) else nullcontext(path)


def _read_image(
    path: Path, file: Path, pixel_type: int, frame: int | None, voxels: FloatArray | None
) -> tuple[npt.NDArray[Any], Geometry]:
    """What ITK says of an image; the given voxels, or those that ITK reads where there are none.

    It reads ``file``, which is the image or a copy of it; sentences name ``path``.
    """
    # ITK's warnings about odd headers would stand between our sentences.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))  # SimpleITK 2.3 takes no Path
    reader.SetOutputPixelType(pixel_type)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" not in str(error):
            raise _unreadable(path, not_an_image(path)) from error
        with straightened(path) as copy:
            return _read_image(path, copy, pixel_type, frame, voxels)
    _check_scalar(reader, path, layers=pixel_type == sitk.sitkUnknown)
    _check_grid(reader, path)
    _choose_frame(reader, path, frame)
    if voxels is not None and voxels.shape == reader.GetSize()[::-1]:
        return voxels, geometry_of(reader)
    # A fourth axis of size 1, which some tools write, is dropped.
    size = reader.GetSize()
    reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path, damaged(path)) from error
    return sitk.GetArrayFromImage(image), geometry_of(image)


def _unreadable(path: Path, problem: BadInputError) -> BadInputError:
    if extension_of(path, _DETACHED) is None:
        return problem
    return BadInputError(f"{path} or the data file that belongs to it is missing or damaged; copy both files again.")


def _check_scalar(reader: sitk.ImageFileReader, path: Path, layers: bool) -> None:
    """Refuse what has no single number per voxel, unless these are layers of a segmentation that may have them."""
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelIDValue()):
        raise BadInputError(f"{path} holds complex numbers; give the magnitude image.")
    if components > 1 and not (layers and extension_of(path, (".seg.nrrd",))):
        raise BadInputError(f"{path} has {components} values per voxel (color or vectors); give a grayscale image.")
    if len(size) < 3:
        raise BadInputError(f"{path} is a single 2-D image; give the whole volume.")


def _check_grid(reader: sitk.ImageFileReader, path: Path) -> None:
    nx, ny, nz = reader.GetSize()[:3]
    if found := Geometry((nz, ny, nx), spacing=reader.GetSpacing()[:3]).impossible:
        raise BadInputError(
            f"{path} has {found}, which no scanner makes; "
            "check the voxel size and its unit in the header, or convert the images again."
        )


def _choose_frame(reader: sitk.ImageFileReader, path: Path, frame: int | None) -> None:
    size = reader.GetSize()
    count = int(np.prod(size[3:]))
    if frame is None and count > 1:
        raise BadInputError(
            f"{path} holds {count} volumes (4-D); save the one you need as a file of its own, "
            "e.g. in 3D Slicer with the Sequences module."
        )
    if frame is not None and frame >= count:
        raise BadInputError(f"{path} holds {count} {'volumes' if count > 1 else 'volume'}; number {frame} is missing.")
    if frame:
        reader.SetExtractIndex([0, 0, 0, frame, *(0 for _ in size[4:])])


def _alternatives(extensions: Sequence[str]) -> str:
    return ", ".join(extensions[:-1]) + " or " + extensions[-1] if len(extensions) > 1 else extensions[0]
