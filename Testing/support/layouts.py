"""Small data sets in every public layout, quirks included, as they come from the download pages."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from support.tiny_patients import TinyPatient, tiny_patient

BRATS = ((0.0, -239.0, 0.0), (1.0, 1.0, 1.0))
"""Origin (LPS) and direction of BraTS 2017-2023: nibabel shows ``[[-1,0,0,0],[0,-1,0,239],[0,0,1,0]]``."""

MNI = ((-90.0, 126.0, -72.0), (1.0, -1.0, 1.0))
"""BraTS 2024 GLI: ``diag(-1,1,1)`` and ``(90,-126,-72)``."""

IDENTITY = ((0.0, 0.0, 0.0), (-1.0, -1.0, 1.0))
"""The Decathlon's identity affine."""

NAMES_2023 = {"t1": "t1n", "t1ce": "t1c", "t2": "t2w", "flair": "t2f"}
DECATHLON_ORDER = ("flair", "t1", "t1ce", "t2")

Space = tuple[tuple[float, float, float], tuple[float, float, float]]


def write_image(array: npt.NDArray[np.generic], path: Path, space: Space = BRATS) -> None:
    """Write (z, y, x), or (t, z, y, x) as 4-D, with voxels of 1 mm."""
    images = [sitk.GetImageFromArray(frame) for frame in (array if array.ndim == 4 else array[None])]
    for image in images:
        image.SetOrigin(space[0])
        image.SetDirection(np.diag(space[1]).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.JoinSeries(images) if array.ndim == 4 else images[0], str(path))


def write_case(
    patient: TinyPatient,
    folder: Path,
    form: str = "{name}_{kind}.nii.gz",
    names: Mapping[str, str] | None = None,
    meaning: Mapping[int, int] | None = None,
    space: Space = BRATS,
) -> Path:
    """Write a case as one file per sequence into ``folder``, whose name it gets.

    Args:
        patient: what to write.
        folder: of the case.
        form: of the file names.
        names: of the sequences in file names, where they differ from ours.
        meaning: number in the file for each engine label; BraTS 2017-2022 unless given.
        space: origin and direction.
    """
    for sequence, array in patient.images.items():
        kind = (names or {}).get(sequence, sequence)
        write_image(array.astype(np.int16), folder / form.format(name=folder.name, kind=kind), space)
    labels = renumbered(patient, meaning or {3: 4})
    write_image(labels, folder / form.format(name=folder.name, kind="seg"), space)
    return folder


def renumbered(patient: TinyPatient, meaning: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    """The labels as numbers of a file."""
    table = np.arange(256, dtype=np.uint8)
    for label, number in meaning.items():
        table[label] = number
    return np.asarray(table[patient.labels])


def brats_2018(folder: Path) -> Path:
    """Grades as folders, and a table of survival."""
    root = folder / "MICCAI_BraTS_2018_Data_Training"
    write_case(tiny_patient(1), root / "HGG" / "Brats18_TCIA01_131_1")
    write_case(tiny_patient(2), root / "LGG" / "Brats18_TCIA09_141_1")
    rows = "Brats18ID,Age,Survival,ResectionStatus\nBrats18_TCIA01_131_1,61.5,289,GTR\nBrats18_TCIA09_141_1,40,NA,NA\n"
    (root / "survival_data.csv").write_text(rows)
    return root


def brats_2019(folder: Path) -> Path:
    """As 2018, with the names of the earlier years."""
    root = folder / "MICCAI_BraTS_2019_Data_Training"
    write_case(tiny_patient(1), root / "HGG" / "BraTS19_TCIA01_131_1")
    write_case(tiny_patient(2), root / "LGG" / "BraTS19_TCIA09_141_1")
    (root / "name_mapping.csv").write_text(
        "Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2019_subject_ID\n"
        "HGG,Brats17_TCIA01_131_1,Brats18_TCIA01_131_1,TCGA-02-0001,BraTS19_TCIA01_131_1\n"
        "LGG,Brats17_TCIA09_141_1,Brats18_TCIA09_141_1,NA,BraTS19_TCIA09_141_1\n"
    )
    return root


def _tables_2020(folder: Path) -> None:
    (folder / "name_mapping.csv").write_text(
        "Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2019_subject_ID,"
        "BraTS_2020_subject_ID\n"
        "HGG,Brats17_TCIA01_131_1,Brats18_TCIA01_131_1,TCGA-02-0001,BraTS19_TCIA01_131_1,BraTS20_Training_001\n"
        "LGG,NA,NA,NA,NA,BraTS20_Training_084\n"
        "HGG,NA,NA,NA,BraTS19_CBICA_BHK_1,BraTS20_Training_355\n"
    )
    (folder / "survival_info.csv").write_text(
        "Brats20ID,Age,Survival_days,Extent_of_Resection\n"
        "BraTS20_Training_001,60.46,289,GTR\nBraTS20_Training_084,57.2,ALIVE (361 days later),GTR\n"
    )


def brats_2020(folder: Path) -> Path:
    """The official release."""
    root = folder / "MICCAI_BraTS2020_TrainingData"
    write_case(tiny_patient(1), root / "BraTS20_Training_001")
    write_case(tiny_patient(3), root / "BraTS20_Training_084")
    _tables_2020(root)
    return root


def kaggle_2020(folder: Path) -> Path:
    """``archive.zip``: not compressed inside, tables among the cases, case 355, float64 and a validation set."""
    unpacked = folder / "unpacked"
    root = unpacked / "BraTS2020_TrainingData" / "MICCAI_BraTS2020_TrainingData"
    form = "{name}_{kind}.nii"
    write_case(tiny_patient(1), root / "BraTS20_Training_001", form)
    write_case(tiny_patient(3), root / "BraTS20_Training_084", form)
    last = write_case(tiny_patient(4), root / "BraTS20_Training_355", form)
    (last / "BraTS20_Training_355_seg.nii").rename(last / "W39_1998.09.19_Segm.nii")
    write_image(tiny_patient(4).images["t2"].astype(np.float64), last / "BraTS20_Training_355_t2.nii")
    validation = unpacked / "BraTS2020_ValidationData" / "MICCAI_BraTS2020_ValidationData"
    case = write_case(tiny_patient(5), validation / "BraTS20_Validation_001", form)
    (case / "BraTS20_Validation_001_seg.nii").unlink()
    _tables_2020(root)
    return zip_folder(unpacked, folder / "archive.zip")


def kaggle_slices(folder: Path, order: tuple[str, ...] = DECATHLON_ORDER) -> Path:
    """One .h5 per axial slice with z-scored channels and a mask per label; no grid, no names of channels."""
    root = folder / "BraTS2020_training_data" / "content" / "data"
    root.mkdir(parents=True)
    for number in (1, 41):
        patient = tiny_patient(number)
        images = np.stack([patient.images[name] for name in order], axis=-1).astype(np.float64)
        images = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
        masks = np.stack([patient.labels == label for label in (1, 2, 3)], axis=-1).astype(np.uint8)
        for z in range(len(images)):
            with h5py.File(root / f"volume_{number}_slice_{z}.h5", "w") as file:
                file["image"] = images[z].transpose(1, 0, 2)
                file["mask"] = masks[z].transpose(1, 0, 2)
    _tables_2020(root)
    (root / "meta_data.csv").write_text("slice_path,target,volume,slice\n/content/data/volume_1_slice_0.h5,0,1,0\n")
    return root


def brats_2021(folder: Path) -> Path:
    """Kaggle's version: the official tar and a tar of a single case beside it."""
    root = folder / "brats-2021-task1"
    root.mkdir(parents=True)
    cases = folder / "cases"
    for number in (0, 495):
        write_case(tiny_patient(10 + number), cases / f"BraTS2021_{number:05d}")
    tar_folder(cases, root / "BraTS2021_Training_Data.tar", "BraTS2021_00000")
    tar_folder(cases, root / "BraTS2021_00495.tar", "BraTS2021_00495")
    return root


def brats_2023(folder: Path) -> Path:
    """Other names of the sequences, enhancing tumor is 3."""
    root = folder / "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData"
    for number in (2, 3):
        case = root / f"BraTS-GLI-{number:05d}-000"
        write_case(tiny_patient(20 + number), case, "{name}-{kind}.nii.gz", NAMES_2023, {3: 3})
    return root


def brats_2024(folder: Path) -> Path:
    """After treatment: resection cavity 4, in one case without enhancing tumor; two time points of a patient."""
    root = folder / "training_data1_v2"
    for name, seed in (("00005-100", 30), ("00005-101", 31), ("00006-101", 32)):
        patient = operated(tiny_patient(seed), keep_enhancing=name != "00005-101")
        turned = TinyPatient({k: v[:, ::-1] for k, v in patient.images.items()}, patient.labels[:, ::-1])
        case = root / f"BraTS-GLI-{name}"
        write_case(turned, case, "{name}-{kind}.nii.gz", NAMES_2023, {3: 3}, MNI)
    return root


def operated(patient: TinyPatient, keep_enhancing: bool = True) -> TinyPatient:
    """A fluid-filled cavity (label 4) in place of the necrosis and, unless kept, of the enhancing tumor."""
    cavity = (patient.labels == 1) | ((patient.labels == 3) & ~np.bool_(keep_enhancing))
    necrosis = np.flatnonzero(patient.labels == 1)
    cavity.flat[necrosis[: len(necrosis) // 3]] = False  # some is left
    fluid = {"t1": 200, "t1ce": 210, "t2": 900, "flair": 150}
    images = {name: np.where(cavity, np.float32(fluid[name]), array) for name, array in patient.images.items()}
    return TinyPatient(images, np.where(cavity, np.uint8(4), patient.labels))


def decathlon(folder: Path) -> Path:
    """The tar of Task01: 4-D, its own label meaning, ``._`` files, a test set, ``dataset.json``."""
    root = folder / "unpacked" / "Task01_BrainTumour"
    for number in (1, 2):
        patient = tiny_patient(40 + number)
        stack = np.stack([patient.images[name] for name in DECATHLON_ORDER]).astype(np.float32)
        write_image(stack, root / "imagesTr" / f"BRATS_{number:03d}.nii.gz", IDENTITY)
        write_image(renumbered(patient, {1: 2, 2: 1}), root / "labelsTr" / f"BRATS_{number:03d}.nii.gz", IDENTITY)
        (root / "imagesTr" / f"._BRATS_{number:03d}.nii.gz").write_bytes(b"\0\5\x16\7Mac OS X")
    write_image(stack, root / "imagesTs" / "BRATS_485.nii.gz", IDENTITY)
    document = {
        "name": "BRATS",
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
        "training": [{"image": "./imagesTr/BRATS_001.nii.gz", "label": "./labelsTr/BRATS_001.nii.gz"}],
    }
    (root / "dataset.json").write_text(json.dumps(document))
    return tar_folder(root.parent, folder / "Task01_BrainTumour.tar", root.name)


def partial(folder: Path) -> Path:
    """T1 and FLAIR only, and one label for the whole tumor."""
    for number in (0, 1):
        patient, case = tiny_patient(50 + number), folder / "partial" / f"case_{number}"
        for sequence in ("t1", "flair"):
            write_image(patient.images[sequence], case / f"{case.name}_{sequence}.nii.gz")
        write_image((patient.labels != 0).astype(np.uint8), case / f"{case.name}_seg_wt.nii.gz")
    return folder / "partial"


PUBLIC_LAYOUTS: Mapping[str, Callable[[Path], Path]] = {
    "BraTS 2018": brats_2018,
    "BraTS 2019": brats_2019,
    "BraTS 2020": brats_2020,
    "BraTS 2020 (Kaggle)": kaggle_2020,
    "BraTS 2020 (Kaggle slices)": kaggle_slices,
    "BraTS 2021": brats_2021,
    "BraTS 2023 GLI": brats_2023,
    "BraTS 2024 GLI": brats_2024,
    "Decathlon Task01": decathlon,
    "BraTS-like folders": partial,
}
"""By the layout that the audit must tell: writes a data set into a folder and returns what a user gives as PATH."""


def zip_folder(folder: Path, archive: Path) -> Path:
    """Zip what is in a folder."""
    paths = sorted(folder.rglob("*"))  # before the archive is there, which may lie in the folder
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            file.write(path, path.relative_to(folder))
    return archive


def tar_folder(folder: Path, archive: Path, member: str) -> Path:
    """Put one folder of a folder into an uncompressed tar."""
    with tarfile.open(archive, "w") as file:
        file.add(folder / member, member)
    return archive
