"""Where the predictions of an evaluation come from: a model that is run, or label maps in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.images import READABLE, extension_of, read_labels
from tumorseg.regions import ET, REGIONS, UNDIVIDED, LabelConvention, from_convention
from tumorseg.volume import LabelArray
from tumorseg_training.cases import LabelledCase, read_labelled, read_truth
from tumorseg_training.conventions import CLEAR_SHELL, Convention, shell_difference, to_engine
from tumorseg_training.evaluate import CasePrediction, Show

if TYPE_CHECKING:
    from tumorseg.modelfile import Model


class Numbering(str, Enum):
    """What the numbers of predictions mean; the values are those of ``--labels``."""

    BRATS_2023 = "2023"
    BRATS_2020 = "2020"
    DECATHLON = "decathlon"

    @property
    def called(self) -> str:
        """What the results call it."""
        return Convention.DECATHLON.value if self is Numbering.DECATHLON else f"BraTS {self.value}"

    def to_engine(self, labels: LabelArray) -> LabelArray:
        """Renumber labels of a file for the engine.

        Raises:
            ValueError: a label that the numbering does not have.
        """
        if self is Numbering.DECATHLON:
            return to_engine(labels, Convention.DECATHLON)
        return from_convention(labels, LabelConvention(self.value))


class ModelPredictions:
    """Predictions of a model, made by the engine as in Slicer and at the shell."""

    def __init__(self, model: Model, device: str = "auto") -> None:
        self.model = model
        self.device = device

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that the model finds."""
        return self.model.spec.regions

    def __call__(self, case: LabelledCase, show: Show) -> CasePrediction:
        """Segment a case.

        Raises:
            TumorSegError: as the engine, or a truth on another grid than the volumes.
        """
        from tumorseg.pipeline import Options, segment

        show("read")
        volumes, truth, geometry = read_labelled(case, self.model.spec.channels)
        result = segment(
            volumes,
            self.model,
            Options(device=self.device),
            lambda progress: show(f"{progress.stage} {100 * progress.fraction:.0f} %"),
        )
        return CasePrediction(result.labels, truth, geometry)

    def sha256(self, case: LabelledCase) -> str:
        """Of the volumes and the truth."""
        sources = [case.images[name] for name in self.model.spec.channels if name in case.images]
        return _joined(source.sha256() for source in (*sources, case.segmentation))


class PredictionFiles:
    """Label maps that are named by case: ``<case>.nii.gz`` or another known extension.

    Attributes:
        numbering: of all files of the folder.
        regions: that they can have.
    """

    def __init__(self, folder: Path, cases: Collection[str], numbering: Numbering | None = None) -> None:
        """Find the files of cases, and identify their numbering unless it is given.

        Raises:
            BadInputError: no such folder, no file of any case, or files whose numbering cannot be identified.
        """
        if not folder.is_dir():
            raise BadInputError(f"The folder of predictions {folder} does not exist; check the path.")
        self.folder = folder
        self._files = dict(_files_by_case(folder, cases))
        if not self._files:
            raise BadInputError(
                f"{folder} holds no prediction of any case; name them by case, like {min(cases)}.nii.gz."
            )
        values, shells = _look_at(self._files.values())
        self.numbering = numbering or _identify(folder, values, shells)
        self.regions: tuple[str, ...] = ("WT",) if UNDIVIDED in values else tuple(REGIONS)

    def __call__(self, case: LabelledCase, show: Show) -> CasePrediction:
        """Read the prediction of a case.

        Raises:
            BadInputError: it is missing, cannot be read, or lies on another grid than the truth.
        """
        show("read")
        path = self._file(case)
        labels, grid = read_labels(path)
        truth, geometry = read_truth(case)
        if difference := geometry.differences(grid):
            raise BadInputError(f"{path} does not fit the segmentation of the case: {', '.join(difference)}.")
        try:
            return CasePrediction(self.numbering.to_engine(labels), truth, geometry)
        except ValueError as error:
            raise BadInputError(f"{path} cannot be used: {error}.") from error

    def sha256(self, case: LabelledCase) -> str:
        """Of the prediction and the truth."""
        prediction = hashlib.sha256(self._file(case).read_bytes()).hexdigest()
        return _joined([prediction, case.segmentation.sha256()])

    def _file(self, case: LabelledCase) -> Path:
        path = self._files.get(case.name)
        if path is None:
            raise BadInputError(f"{self.folder} has no prediction of it; add {case.name}.nii.gz.")
        return path


def _joined(hashes: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _files_by_case(folder: Path, cases: Collection[str]) -> Iterable[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        extension = extension_of(path, READABLE)
        if extension and path.name[: -len(extension)] in cases:
            yield path.name[: -len(extension)], path


def _look_at(files: Iterable[Path]) -> tuple[set[int], list[float]]:
    """All numbers that occur, and how much more 2 than 1 is the outer shell, of each file that shows both.

    Files that cannot be read are told when their turn comes.
    """
    values: set[int] = set()
    shells: list[float] = []
    for path in files:
        try:
            labels, _ = read_labels(path)
        except BadInputError:
            continue
        values.update(np.unique(labels).tolist())
        if (difference := shell_difference(labels)) is not None:
            shells.append(difference)
    return values, shells


def _identify(folder: Path, values: set[int], shells: Sequence[float]) -> Numbering:
    """A 4 without any 3 in the whole folder is BraTS 2017-2022; without both, the years of BraTS agree.

    Raises:
        BadInputError: both occur, or 1 is clearly edema. A bad network may get that wrong in single cases, not in most.
    """
    if {ET, 4} <= values:
        raise BadInputError(
            f"The predictions in {folder} hold both 3 and 4, so their numbering cannot be identified; "
            "state it with --labels 2023 (enhancing tumor is 3) or --labels 2020 (it is 4)."
        )
    found = Numbering.BRATS_2020 if 4 in values else Numbering.BRATS_2023
    if shells and median(shells) < -CLEAR_SHELL:
        raise BadInputError(
            f"In most predictions in {folder} label 1 lies outside label 2, so 1 is probably edema, as in the "
            "Decathlon; state their numbering with --labels decathlon (1 is edema) or "
            f"--labels {found.value} (1 is core)."
        )
    return found
