"""Whose a volume is, by its name: what is left without the words on the sequence, the console and the processing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tumorseg.series_words import around_sequence

_SERIES_NUMBER = re.compile(r"^([1-9]\d{0,2})[ _.:-]+(?=\D)")  # of patients: with leading zeros or more digits

# Parts of BIDS names; sub and ses, the patient and the visit, stay.
_ENTITY = re.compile(
    r"(?<![^\W_])(?:acq|ce|run|rec|dir|desc|space|res|den|echo|inv|part|mod|chunk)-[^\W_]+", re.IGNORECASE
)

_ANYWHERE = (
    r"ax|axial[es]?|assiale|axiaal|tra|trans|transvers\w*|sag|sagit\w*|cor|coro|coronal\w*|kor|obl|oblique|[23]d"
    r"|brain|head|mri?|irm|wip|anat|fs|fat ?sat|iso|space|cube|vista|view|se|ir|eg"
)
# Before the sequence these may be of a patient, such as P2.
_AFTERWARDS = (
    r"p\d|ns|cs|xl|spc|tir|256|320|384|448|512|hr|long ?tr|shc|clear|sense|multi|uni|dixon|water|black ?blood|bb"
    r"|dtpa|stealth|delayed|gewichtet|weighted|mit|with|nach|efter|na|po|met|con|com|avec|с|s|z"
    r"|(?:co)?reg(?:istered)?|bet|n4|bias|corr(?:ected)?|skull|stripped|norm(?:alized)?|resampled|defaced|preproc"
    r"|copy|cropped|transformed|edited|new|final"
)


def stems(names: Sequence[str]) -> list[str]:
    """What each name says beside its sequence: patient, visit or date; empty where that is nothing.

    Args:
        names: of all volumes, without extensions. Numbers before them that no two share are taken for those of series.
    """
    numbers = [match[1] for name in names if (match := _SERIES_NUMBER.match(name))]
    of_series = len(set(numbers)) == len(numbers)
    return [_stem(_SERIES_NUMBER.sub("", name, count=1) if of_series else name) for name in names]


def _stem(name: str) -> str:
    before, after = around_sequence(_ENTITY.sub(" ", name))
    left = f"{_without(_ANYWHERE, before)} {_without(f'{_ANYWHERE}|{_AFTERWARDS}', after)}"
    return " ".join(re.findall(r"[^\W_]+", left))


def _without(words: str, text: str) -> str:
    return re.sub(rf"(?<![^\W_])(?:{words})(?![^\W_])", " ", text)
