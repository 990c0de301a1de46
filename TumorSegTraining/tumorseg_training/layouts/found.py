"""What a layout finds among the files of a data set."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tumorseg.finding import Finding
from tumorseg_training.labelled_case import LabelledCase

SEVERAL_FILES = "several-files"
"""Code of the finding that a case has a file twice, so that it would have to be guessed which is meant."""

FOUND_TWICE = "found-twice"
"""Code of the finding that a case lies in two places, of which one is read."""

OTHER_TUMOR = "other-tumor"
"""Code of the finding that a case shows no glioma of an adult, so that its labels mean other things."""


@dataclass
class Found:
    """What there is.

    Attributes:
        cases: that have images and an expert's segmentation.
        findings: what is odd about the files of a case, by its name.
        unlabelled: cases without an expert's segmentation, as in validation sets, and the images that were not taken
            for one.
    """

    cases: list[LabelledCase] = field(default_factory=list)
    findings: dict[str, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    unlabelled: dict[str, str] = field(default_factory=dict)

    def block(self, case: str, code: str, message: str, remedy: str) -> None:
        """Note why a case cannot be used."""
        self.findings[case].append(Finding(code, "blocking", (), message, remedy))

    def warn(self, case: str, code: str, message: str, remedy: str) -> None:
        """Note what is odd about a case."""
        self.findings[case].append(Finding(code, "warning", (), message, remedy))

    def add(self, other: Found) -> None:
        """Take over what another layout found."""
        self.cases.extend(other.cases)
        self.unlabelled.update(other.unlabelled)
        for case, findings in other.findings.items():
            self.findings[case].extend(findings)
