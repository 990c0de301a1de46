"""The folder of an evaluation: scores and predictions of every finished case, so that a stopped one goes on.

``evaluation.json`` says what was evaluated, with a hash of the data of every finished case; ``scores.csv`` and
``scores-nothing.csv`` hold a row per case; ``<case>.nii.gz`` is what a model predicted, with engine labels;
``summary.json`` and ``summary.md`` come at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.images import check_folder, write_labels
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.documents import Document, read_document, write_document
from tumorseg_training.metrics import CaseScores, read_scores, write_scores

EVALUATION = "evaluation.json"
EVALUATION_VERSION = 1
SUMMARY = "summary.json"
SUMMARY_TEXT = "summary.md"
SCORES = "scores.csv"
NOTHING_SCORES = "scores-nothing.csv"


def check_results_folder(folder: Path) -> None:
    """Make sure, before a long run, that results can be saved; the folder is made if needed.

    Raises:
        BadInputError: it cannot be written to, or holds files that are not of an evaluation.
    """
    check_folder(folder)
    if not (folder / EVALUATION).exists() and any(folder.iterdir()):
        raise BadInputError(f"{folder} holds files that are not of an evaluation; name an empty or new folder.")


@dataclass(frozen=True)
class FinishedCase:
    """What is kept of a case.

    Attributes:
        name: of the case.
        scores: of the prediction.
        nothing: of predicting nothing.
        labels: predicted engine labels (z, y, x).
        geometry: their grid.
        sha256: of the data that were scored.
    """

    name: str
    scores: CaseScores
    nothing: CaseScores
    labels: LabelArray
    geometry: Geometry
    sha256: str


class ResultsFolder:
    """Keeps what is finished.

    Attributes:
        folder: where.
    """

    def __init__(self, folder: Path, subject: Document, cases: Sequence[str], keep_labels: bool) -> None:
        """Open or make the folder.

        Args:
            folder: new, empty, or of an earlier evaluation, whose scores are kept if it was of the same subject.
            subject: what is evaluated (JSON values).
            cases: names; scores of others are forgotten.
            keep_labels: whether predictions are written; scores without theirs do not count as finished then.

        Raises:
            BadInputError: the folder cannot be written to, or holds other files.
        """
        self.folder = folder
        self._keep_labels = keep_labels
        self._scores: dict[str, CaseScores] = {}
        self._nothing: dict[str, CaseScores] = {}
        self._hashes: dict[str, str] = {}
        self._subject: Document = {"version": EVALUATION_VERSION, **subject}
        self._open(cases)

    def prediction(self, case: str) -> Path:
        """File of a case's predicted labels."""
        return self.folder / f"{case}.nii.gz"

    def finished(self, case: str, sha256: str) -> tuple[CaseScores, CaseScores] | None:
        """Scores of a finished case and of predicting nothing; None if there are none, or of other data."""
        same = case in self._scores and self._hashes.get(case) == sha256
        return (self._scores[case], self._nothing[case]) if same else None

    def add(self, finished: FinishedCase) -> None:
        """Keep a finished case."""
        case = finished.name
        if self._keep_labels:
            write_labels(finished.labels, finished.geometry, self.prediction(case))
        self._scores[case], self._nothing[case] = finished.scores, finished.nothing
        self._write()
        # Last, so that a stop in between leaves a case that is not finished.
        self._hashes[case] = finished.sha256
        self._describe()

    def _open(self, cases: Sequence[str]) -> None:
        check_results_folder(self.folder)
        for name in (SUMMARY, SUMMARY_TEXT):  # a summary never stands beside scores that it does not sum up
            (self.folder / name).unlink(missing_ok=True)
        path = self.folder / EVALUATION
        known = read_document(path, EVALUATION_VERSION, "name a new folder with --output") if path.exists() else {}
        hashes = known.pop("cases", None)
        if known == self._subject and isinstance(hashes, dict):
            self._hashes = hashes
            self._read(cases)
        else:
            # First the scores of the other subject go, so that they are never taken for those of this one.
            self._write()
            self._describe()

    def _describe(self) -> None:
        write_document(self.folder / EVALUATION, {**self._subject, "cases": self._hashes})

    def _read(self, cases: Sequence[str]) -> None:
        scores, nothing = (read_scores(self.folder / name) for name in (SCORES, NOTHING_SCORES))
        for case in cases:
            complete = not self._keep_labels or self.prediction(case).exists()
            if case in scores and case in nothing and complete:
                self._scores[case], self._nothing[case] = scores[case], nothing[case]

    def _write(self) -> None:
        write_scores(self._scores, self.folder / SCORES)
        write_scores(self._nothing, self.folder / NOTHING_SCORES)
