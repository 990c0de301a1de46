"""Whose a volume is, by its name: what is left without the words on the sequence, the console and the processing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tumorseg.series_words import around_sequence, read_words

_SERIES_NUMBERS = (  # of patients: with leading zeros or more digits
    re.compile(r"^([1-9]\d{0,2})[ _.:-]+(?=\D)"),
    re.compile(r"(?<=\D)[ _.:-]+([1-9]\d{0,3})$"),
)
_YEAR_FIRST = re.compile(r"((?:19|20)\d\d)[-_.]([01]\d)[-_.]([0-3]\d)(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)([0-3]\d)[-_.]([01]\d)[-_.]((?:19|20)\d\d)(?!\d)")

# What tells patients, visits and dates apart also where it follows the sequence.
_TELLING = re.compile(
    r"(?:19|20)\d\d(?:\d\d){0,2}(?:\d{6})?|0\d+|\d{4,}|(?:p|pat|patient|sub|subj|subject|case|id|v|tp|fu|d|m|s)\d+"
    r"|(?:baseline|follow|up|followup|fu|pre|post|op|preop|postop|visit|timepoint|session|ses|day|week|month|year|scan"
    r"|before|after|initial|recurr\w*|rezidiv|kontrolle|control|nachsorge|chemo\w*|radio\w*|surg\w*|therap\w*)\d*"
)

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
)
_PROCESSING = (
    r"(?:co)?reg(?:istered)?|bet|n4|bias|corr(?:ected)?|skull|stripped|norm(?:alized)?|resampled|defaced|preproc"
    r"|copy|cropped|transformed|edited|new|final|mni|sri|hd|hdbet|synthstrip|nd|dis[23]d|drb|lps|ras|rai|\d*mm"
)


def stems(names: Sequence[str]) -> list[str]:
    """What each name says beside its sequence: patient, visit or date; empty where that is nothing.

    What follows the sequence is hardly ever a patient. Other words than dates, visits and numbers of patients count
    there only where names that are alike otherwise name the same sequence twice.

    Args:
        names: of all volumes, without extensions. Numbers before or after them that no two share are taken for those of
            series.
    """
    bare = list(names)
    for pattern in _SERIES_NUMBERS:
        bare = _without_numbers(bare, pattern)
    parts = [_parts(name) for name in bare]
    words = [read_words(name) for name in names]
    kinds = Counter((part[0], w.weighting, w.contrast) for part, w in zip(parts, words, strict=True) if w.weighting)
    twice = {stem for (stem, _, _), number in kinds.items() if number > 1}
    return [" ".join(filter(None, (stem, rest if stem in twice else ""))) for stem, rest in parts]


def without_processing(stem: str) -> str:
    """A stem without what programs and the time of the contrast agent add, also before the sequence."""
    return _without(rf"{_PROCESSING}|pre|post", stem)


def _without_numbers(names: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    numbers = [match[1] for name in names if (match := pattern.search(name))]
    of_series = len(set(numbers)) == len(numbers)
    return [pattern.sub("", name, count=1) for name in names] if of_series else list(names)


def _parts(name: str) -> tuple[str, str]:
    """What tells whose the volume is, and what else follows the sequence."""
    dated = _YEAR_LAST.sub(r"\3\2\1", _YEAR_FIRST.sub(r"\1\2\3", _ENTITY.sub(" ", name)))
    before, after = around_sequence(dated)
    telling = re.findall(r"[^\W_]+", _without(_ANYWHERE, before))
    rest: list[str] = []
    for word in re.findall(r"[^\W_]+", _without(f"{_ANYWHERE}|{_AFTERWARDS}|{_PROCESSING}", after)):
        (telling if _TELLING.fullmatch(word) else rest).append(word[:8] if word.isdecimal() else word)
    return " ".join(telling), " ".join(rest)


def _without(words: str, text: str) -> str:
    return re.sub(rf"(?<![^\W_])(?:{words})(?![^\W_])", " ", text)
