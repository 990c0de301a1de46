"""Whether the names of the volumes are of one patient and one examination."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case
from tumorseg.series_stem import stems, without_processing
from tumorseg.series_words import read_words

_EXTENSION = re.compile(r"\.(nii(\.gz)?|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)
_ONE_STUDY = ("study_uid", "patient_id")


def different_names(case: Case) -> Iterator[Finding]:
    """Volumes whose names say different things beside the sequence, where DICOM says nothing.

    Names without a word on the sequence do not count, nor do names that say more than the others, nor numbers of
    series: some of the volumes must agree.
    """
    if any(all(volume.provenance.get(key) for volume in case.values()) for key in _ONE_STUDY):
        return
    groups = _groups(case)
    # Where no two agree, the names number series or times, not patients.
    if len(groups) > 1 and any(len(group) > 1 for _, group in groups):
        names = "; ".join(listed(called(sequence, case) for sequence in group) for _, group in groups)
        message = f"The names of the volumes are of different patients or examinations: {names}."
        remedy = "Check that all volumes are of one patient and one examination."
        volumes = tuple(sequence for _, group in groups for sequence in group)
        yield Finding("different-names", "warning", volumes, message, remedy)


def _groups(case: Case) -> list[tuple[Counter[str], list[str]]]:
    """What names say, as words, and the sequences whose names say that."""
    names = {sequence: _EXTENSION.sub("", volume.name) for sequence, volume in case.items()}
    groups: list[tuple[Counter[str], list[str]]] = []
    for (sequence, name), stem in zip(names.items(), stems(list(names.values())), strict=True):
        words = Counter(without_processing(stem).split())
        if not words or read_words(name).weighting is None:
            continue
        for said, group in groups:
            if words <= said or said <= words:
                group.append(sequence)
                said &= words
                break
        else:
            groups.append((words, [sequence]))
    return groups
