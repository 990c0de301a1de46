"""Which series is T1, T1ce, T2 or FLAIR: from names, descriptions and DICOM tags, never from the image.

Confidence: at least 0.9 is unambiguous, 0.6 to 0.9 plausible; below 0.5 a series is not assigned.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES
from tumorseg.series_times import Timed, possible_weightings
from tumorseg.series_words import Weighting, Words, agent_given, read_words, without_common_start

Key = TypeVar("Key", bound=Hashable)

UNAMBIGUOUS = 0.9
PLAUSIBLE = 0.6
LEAST_CONFIDENCE = 0.5
"""Guesses below are not made."""

_CONTRADICTED = 0.65  # factor on the confidence when two sources of information disagree
_SILENT_ON_CONTRAST = 0.75  # "T1" alone is mostly, not always, the one without contrast
_TIMES_ALONE = 0.6  # confidence of the echo and repetition times without a single word
_NEARLY_EQUAL = 0.05  # candidates this close in confidence are told apart by their resolution, not by it


@dataclass(frozen=True)
class SeriesFacts:
    """What is known about a series without looking at its voxels; empty or None when unknown.

    Attributes:
        name: node or file name.
        description: DICOM SeriesDescription (0008,103E).
        protocol: ProtocolName (0018,1030); only used when name and description are silent.
        sequence_name: SequenceName (0018,0024).
        te_ms: EchoTime (0018,0081).
        tr_ms: RepetitionTime (0018,0080).
        ti_ms: InversionTime (0018,0082).
        contrast_agent: ContrastBolusAgent (0018,0010).
        image_type: ImageType (0008,0008), e.g. ``DERIVED\\SECONDARY\\ADC``.
        spacing: voxel size (x, y, z) in mm.
        shape: number of voxels along (z, y, x).
    """

    name: str
    description: str = ""
    protocol: str = ""
    sequence_name: str = ""
    te_ms: float | None = None
    tr_ms: float | None = None
    ti_ms: float | None = None
    contrast_agent: str = ""
    image_type: str = ""
    spacing: tuple[float, float, float] | None = None
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Guess:
    """What one series seems to be.

    Attributes:
        sequence: ``t1``, ``t1ce``, ``t2`` or ``flair``; None when it is another kind of series or cannot be told.
        confidence: 0-1; 0 without a sequence.
        reason: one sentence.
        contrast_known: whether anything was said on contrast; a T1 on which nothing was said may be either.
        other: the kind of series that is none of the four, e.g. ``diffusion image``; empty otherwise.
    """

    sequence: str | None
    confidence: float
    reason: str
    contrast_known: bool = False
    other: str = ""


@dataclass(frozen=True)
class Suggestion(Generic[Key]):
    """The series for one sequence: ``key`` is None, with the reason, when there is none or no single best one."""

    key: Key | None
    confidence: float
    reason: str


def recognise(facts: SeriesFacts) -> Guess:
    """Guess what one series is, without knowledge of the others."""
    words, conflict = _words(facts)
    other = words.other or _other_by_tags(facts)
    if other:
        return Guess(None, 0.0, f"It is {with_article(other)}.", other=other)
    times = possible_weightings(facts.te_ms, facts.tr_ms, facts.ti_ms)
    weighting, confidence, reason = (
        words.weighting,
        words.certainty,
        f"Its name says {words.word}" if words.word else "",
    )
    if weighting is None and not words.conflict and len(times) == 1:
        (only,) = times
        weighting = None if only == "other" or only == "stir" else only
        confidence, reason = _TIMES_ALONE, "Its echo and repetition times are those of this weighting"
    elif weighting and times:
        confidence, verdict = _timed(weighting, confidence, times)
        reason += verdict
    if weighting is None:
        return Guess(None, 0.0, _unrecognised(words.conflict))
    if conflict:
        confidence, reason = confidence * _CONTRADICTED, f"{reason}; {conflict}"
    return _with_contrast(weighting, confidence, reason, words, facts)


def with_article(kind: str) -> str:
    """``a diffusion image``, ``an angiogram``."""
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def assign(all_facts: Mapping[Key, SeriesFacts], fixed: Mapping[str, Key] | None = None) -> dict[str, Suggestion[Key]]:
    """Choose a series for each sequence that the user has not chosen.

    Args:
        all_facts: the loaded series.
        fixed: series that the user chose, by sequence; neither these series nor these sequences are suggested.

    Returns:
        A suggestion for every sequence that is not fixed, in the order of ``SEQUENCES``; no series comes twice.
    """
    fixed = fixed or {}
    guesses = {key: recognise(facts) for key, facts in _without_common_start(all_facts).items()}
    enhanced = "t1ce" in fixed or any(g.sequence == "t1ce" for key, g in guesses.items() if key not in fixed.values())
    free = {key: guess for key, guess in guesses.items() if key not in fixed.values()}
    if enhanced:
        free = {key: _certainly_plain(guess) for key, guess in free.items()}
    return {s: _best(s, free, all_facts) for s in SEQUENCES if s not in fixed}


def _without_common_start(all_facts: Mapping[Key, SeriesFacts]) -> dict[Key, SeriesFacts]:
    names = without_common_start([facts.name for facts in all_facts.values()])
    descriptions = without_common_start([facts.description for facts in all_facts.values()])
    return {
        key: replace(facts, name=name, description=description)
        for (key, facts), name, description in zip(all_facts.items(), names, descriptions, strict=True)
    }


def _words(facts: SeriesFacts) -> tuple[Words, str]:
    """What name and description say together, and why they disagree; the protocol is asked when they are silent."""
    name, description = read_words(facts.name), read_words(facts.description)
    if name.other or description.other:
        return (name if name.other else description), ""
    told = [words for words in (name, description) if words.weighting or words.conflict]
    if not told:
        spoken = next((w.contrast for w in (name, description) if w.contrast is not None), None)
        for text in (facts.protocol, facts.sequence_name.lstrip("*")):
            words = read_words(text)
            if words.weighting or words.other:
                contrast = words.contrast if spoken is None else spoken
                return Words(words.weighting, words.certainty * 0.95, contrast, words.word, words.other), ""
        return name, ""
    best = max(told, key=lambda words: words.certainty)
    contrasts = {words.contrast for words in (name, description)} - {None}
    conflicts = [words.conflict for words in told if words.conflict]
    if len({words.weighting for words in told if words.weighting}) > 1:
        conflicts.append("name and description name different weightings")
    if len(contrasts) > 1:
        conflicts.append("name and description differ on contrast")
    contrast = contrasts.pop() if len(contrasts) == 1 else None
    return Words(best.weighting, best.certainty, contrast, best.word, conflict=best.conflict), "; ".join(conflicts)


def _timed(weighting: Weighting, confidence: float, times: frozenset[Timed]) -> tuple[float, str]:
    """The confidence in a named weighting after a look at the times, and what they say about it."""
    if weighting in times:
        return min(0.98, confidence + (0.98 - confidence) / 2), ", which its echo and repetition times confirm"
    factor = 0.0 if times == {"stir"} else _CONTRADICTED  # a STIR stays one whatever it is called
    return confidence * factor, ", but its echo and repetition times do not fit"


_TYPES: Mapping[str, str] = {
    "adc": "diffusion map",
    "diffusion": "diffusion image",
    "trace": "diffusion image",
    "tracew": "diffusion image",
    "fa": "diffusion map",
    "perfusion": "perfusion image",
    "asl": "perfusion image",
    "subtraction": "subtraction",
    "sub": "subtraction",
    "mip": "projection",
    "min ip": "projection",
    "mnip": "projection",
    "projection image": "projection",
    "phase map": "phase image",
    "p": "phase image",
    "t1 map": "quantitative map",
    "t2 map": "quantitative map",
    "localizer": "localizer",
    "spectroscopy": "spectroscopy",
}
_OTHER_SEQUENCES = re.compile(r"^\*?(ep[_2]|epfid|epse|swi|svs|csi|tfi|de3d|qfl)|^research/.*(dwi|asl)")


def _other_by_tags(facts: SeriesFacts) -> str:
    """The kind of series that ImageType or SequenceName gives away; empty for none."""
    for value in re.split(r"[\\/,]", facts.image_type.lower().replace("_", " ")):
        if kind := _TYPES.get(value.strip(" '[]()")):
            return kind
    return "diffusion, perfusion or susceptibility image" if _OTHER_SEQUENCES.match(facts.sequence_name.lower()) else ""


def _with_contrast(weighting: str, confidence: float, reason: str, words: Words, facts: SeriesFacts) -> Guess:
    """Divide T1 by contrast; a FLAIR or T2 after contrast remains one, a little less surely the wanted one."""
    agent = agent_given(facts.contrast_agent)
    if weighting != "t1":
        if words.contrast:
            confidence, reason = confidence * 0.85, f"{reason}, taken after contrast"
        return _guess(weighting, confidence, reason, True)
    contrast = words.contrast
    if contrast is not None and agent is not None and contrast != agent:
        reason += f", but the tag on the contrast agent {'names one' if agent else 'says none'}"
        confidence *= 0.85  # scanners often keep an agent that was typed in for the whole examination
    elif contrast is None and agent is not None:
        contrast, confidence = agent, min(confidence, 0.85)
        reason += f", and the tag on the contrast agent {'names one' if agent else 'says none'}"
    elif contrast is None:
        confidence = min(confidence, 0.45 if words.conflict else _SILENT_ON_CONTRAST)
        reason += f", but {words.conflict}" if words.conflict else "; nothing is said about contrast"
    else:
        reason += ", after contrast" if contrast else ", before contrast"
    return _guess("t1ce" if contrast else "t1", confidence, reason, contrast is not None)


def _guess(sequence: str, confidence: float, reason: str, contrast_known: bool) -> Guess:
    if confidence < LEAST_CONFIDENCE:
        return Guess(None, 0.0, f"{reason}: too uncertain.", contrast_known)
    return Guess(sequence, round(confidence, 3), f"{reason}.", contrast_known)


def _unrecognised(conflict: str) -> str:
    return f"It cannot be told: {conflict}." if conflict else "Nothing in its name or tags says what it is."


def _certainly_plain(guess: Guess) -> Guess:
    """A T1 on which nothing is said about contrast is the one without when another has it."""
    if guess.sequence != "t1" or guess.contrast_known:
        return guess
    confidence = max(guess.confidence, min(0.92, guess.confidence * 1.23))
    return Guess("t1", round(confidence, 3), "It is a T1, and another T1 has contrast.")


def _best(sequence: str, free: Mapping[Key, Guess], facts: Mapping[Key, SeriesFacts]) -> Suggestion[Key]:
    candidates = {key: guess for key, guess in free.items() if guess.sequence == sequence}
    name = DISPLAY_NAMES[sequence]
    if not candidates:
        return Suggestion(None, 0.0, f"No series looks like {name}.")
    highest = max(guess.confidence for guess in candidates.values())
    equal = [key for key, guess in candidates.items() if guess.confidence >= highest - _NEARLY_EQUAL]
    if len(equal) == 1:
        return Suggestion(equal[0], candidates[equal[0]].confidence, candidates[equal[0]].reason)
    finest = _finest(equal, facts)
    if finest is None:
        return Suggestion(None, 0.0, f"{len(equal)} series look like {name}: {_names(equal, facts)}; choose one.")
    reason = f"{candidates[finest].reason} Of {len(equal)} such series it has the finest resolution."
    return Suggestion(finest, round(min(candidates[finest].confidence, 0.8), 3), reason)


def _finest(keys: Sequence[Key], facts: Mapping[Key, SeriesFacts]) -> Key | None:
    """The series with the thinnest slices, then the most of them; None when it is not a single one or not known."""
    order: list[tuple[tuple[float, int], Key]] = []
    for key in keys:
        spacing, shape = facts[key].spacing, facts[key].shape
        if spacing is None:
            return None
        order.append(((round(max(spacing), 1), -(min(shape) if shape else 0)), key))
    order.sort(key=lambda item: item[0])
    return order[0][1] if order[0][0] < order[1][0] else None


def _names(keys: Sequence[Key], facts: Mapping[Key, SeriesFacts]) -> str:
    return ", ".join(facts[key].name for key in keys)
