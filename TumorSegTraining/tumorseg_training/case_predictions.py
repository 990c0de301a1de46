"""Where the predictions of an evaluation come from: a model that is run, or label maps in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.images import READABLE, extension_of, read_labels
from tumorseg.regions import REGIONS, UNDIVIDED
from tumorseg_training.cases import LabelledCase, convention_of, read_labelled, read_truth
from tumorseg_training.conventions import CAVITY, Convention, shell_difference
from tumorseg_training.evaluate import CasePrediction, Show
from tumorseg_training.numbering import Numbering, doubt, identify

if TYPE_CHECKING:
    from tumorseg.modelfile import Model


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
        doubt: a sentence on how the numbering was identified; empty where nothing speaks against it.
    """

    def __init__(self, folder: Path, cases: Collection[LabelledCase], numbering: Numbering | None = None) -> None:
        """Find the files of cases, and identify their numbering unless it is given.

        Raises:
            BadInputError: no such folder, no file of any case, or files whose numbering cannot be identified.
        """
        if not folder.is_dir():
            raise BadInputError(f"The folder of predictions {folder} does not exist; check the path.")
        self.folder = folder
        names = {case.name for case in cases}
        self._files = dict(_files_by_case(folder, names))
        if not self._files:
            raise BadInputError(
                f"{folder} holds no prediction of any case; name them by case, like {min(names)}.nii.gz."
            )
        values, shells = _look_at(self._files.values())
        if numbering is None:
            truths = {*_conventions((case for case in cases if case.name in self._files), values)}
            self.numbering = identify(folder, values, shells, truths)
            self.doubt = doubt(self.numbering, values)
        else:
            self.numbering, self.doubt = numbering, ""
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


def _conventions(cases: Iterable[LabelledCase], values: Collection[int]) -> Iterator[Convention]:
    """Of the cases' own labels, which are read only where the layout does not tell and a 4 must be understood.

    Truths that cannot be understood are told when their turn comes.
    """
    for case in cases:
        if case.convention is not None:
            yield case.convention
        elif CAVITY in values:
            try:
                yield convention_of(case, case.segmentation.read_labels()[0])
            except BadInputError:
                continue
