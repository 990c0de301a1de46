"""What the words of a series description say: weighting, contrast agent, and what no brain segmentation can use.

The words are those of GE, Siemens, Philips and Canon consoles and of radiographers in several languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

Weighting = Literal["t1", "t2", "flair"]


@dataclass(frozen=True)
class Words:
    """What a text says about a series.

    Attributes:
        weighting: None when nothing or several things are said.
        certainty: 0-1, how surely the words mean that weighting.
        contrast: whether a contrast agent was given; None when nothing is said.
        word: the words that told the weighting, as written in the text.
        other: the kind of series that is none of the four, e.g. ``diffusion``; empty otherwise.
        conflict: why the words contradict each other; empty otherwise.
    """

    weighting: Weighting | None = None
    certainty: float = 0.0
    contrast: bool | None = None
    word: str = ""
    other: str = ""
    conflict: str = ""


def read_words(text: str) -> Words:
    """Read a node name, a series description or a protocol name."""
    plain = _without_target(_plain(text))
    other = next((kind for kind, pattern in _OTHERS if pattern.search(plain)), "")
    if other:
        return Words(other=other)
    contrast, conflict = _contrast(plain)
    if contrast is None and not conflict and "brats" in text.lower():
        contrast = False  # these data sets always name contrast
    weighting, certainty, word = _weighting(plain)
    if not word and (match := _CONTRAST_ALONE.search(plain)):
        weighting, certainty, word = "t1", 0.65, match[0].strip()
    elif word == _SEVERAL:
        return Words(contrast=contrast, conflict="it names several weightings")
    return Words(weighting, certainty, contrast, word.strip(), conflict=conflict)


def without_common_start(texts: Sequence[str]) -> list[str]:
    """The texts of one case without what all of them begin with, a patient or visit that may look like a word: CHO_T1.

    Only those that name a weighting count. Nothing goes where they name but one, are of no brain volume, or where the
    start is a contrast agent.
    """
    named = [match for text in texts if (match := _NAMED.match(text))]
    words = zip(*(re.findall(r"[^\W_]*[\W_]+", match[1]) for match in named), strict=False)
    start = "".join(same[0] for same in takewhile(lambda same: len(set(same)) == 1, words))
    one = len({match[2].lower() for match in named}) < 2
    no_name = read_words(start).other in _NEVER_A_NAME or "brats" in start.lower()
    telling = no_name or _AGENT.search(_plain(start))
    return list(texts) if one or telling else [text.removeprefix(start) for text in texts]


def agent_given(tag: str) -> bool | None:
    """Whether the DICOM tag on the contrast agent names one; None when it is empty or says something else."""
    plain = _plain(tag).strip()
    if _NO_AGENT.fullmatch(plain):
        return False
    given, _ = _contrast(plain)
    return True if given is None and _SOME_AGENT.fullmatch(plain) else given


def around_sequence(text: str) -> tuple[str, str]:
    """What stands before and after the first word on the weighting, without all words on weighting and contrast.

    ``pre`` and ``post`` alone are left where they do not follow a T1: there they may be of an operation.

    Returns:
        Two empty texts when nothing is said on the weighting.
    """
    plain = _without_target(_parted(text))
    starts = [match.start() for pattern in _WEIGHTINGS if (match := pattern.search(plain))]
    if not starts:
        return "", ""
    before, after = plain[: min(starts)], plain[min(starts) :]
    after = (_CONTRAST if _weighting(plain)[0] == "t1" else _CONTRAST_BUT_TIMES).sub(" ", after)
    before = _CONTRAST_BUT_TIMES.sub(" ", before)
    for pattern in _WEIGHTINGS:
        before, after = pattern.sub(" ", before), pattern.sub(" ", after)
    return before, after


def _word(alternatives: str) -> re.Pattern[str]:
    """A pattern for whole words: neither letters nor digits on either side."""
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])")


def _plain(text: str) -> str:
    """As the words are looked up, without what only looks like one in BIDS names and numbers of patients."""
    # Numbers of patient and visit: of BIDS anywhere, written otherwise at the start, where SUB is no subtraction.
    text = re.sub(r"(?<![^\W_])(sub|ses)-[^\W_]+|^(?i:sub)[ _-]?\d+", " ", text)
    text = re.sub(r"(?<![^\W_])space-T1[^\W_]*(?=_)", " ", text)  # of BIDS, where the sequence comes last
    return _parted(text)


def _parted(text: str) -> str:
    """Lower case without accents; words that are written together, such as AxT1PostGd and 3DFLAIR, are parted."""
    text = re.sub(r"(?i)(?<![^\W_])[sedmw](?=t[12]w)", "", text)  # Philips: sT1W, eT2W
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])", " ", text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    text = re.sub(r"(?<![^\W_])([23]d)(?=[a-z])", r"\1 ", text)
    text = re.sub(r"(?<![^\W_])(ax|axial|tra|sag|cor|obl)(?=t[12]|flair|3d)", r"\1 ", text)
    return re.sub(r"[_\s]+", " ", text)


# The first that matches counts. Compiled from what consoles and archives write; each is tested.
_OTHERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, _word(words))
    for kind, words in (
        (
            "segmentation",
            r"seg|segmentations?|algseg|label ?maps?|labels?|(brain ?)?mask|maske|masque|parcellation",
        ),
        ("region of interest", r"rois?\d*"),
        (
            "localizer",
            r"loc|locali[sz]ers?|lokali[sz]er|localizador|locali[sz]ation|scouts?|survey|topogram|smart ?brain"
            r"|3[- ]?(pl|plane|plan)|aahead ?scout|reperage|calibration|calib|asset cal|field ?map(ping)?"
            r"|ref(erence)? scan",
        ),
        (
            "diffusion image",
            r"e?dwi|diff?|diffusion|e?adc|trace ?w?|dti|tensor|col ?fa|fa|hardi|resolve|b[ =-]?(0|50|\d{1,2}00)"
            r"|ep2?d? b\d*"
            r"|ivim|difusion|diffusione|average dc|apparent diffusion",
        ),
        ("susceptibility image", r"swi|swan|swip|minip|pha|phase|mag|qsm|veno ?bold|ven ?bold"),
        (
            "T2* image",
            r"t2 ?\*.*?|t2 ?star.*?|t2 fl[23]d|t2s|hemo|haemo|gre t2|t2 gre|t2 ffe|t2w? ffe|merge|medic|epi gre",
        ),
        (
            "perfusion image",
            r"perf|perfusion|perfusione|dsc|dce|pwi|p?c?asl|r?cb[vf]|mtt|ttp|tmax|k ?trans|dyn|dynamic"
            r"|dynamique|dynamisch"
            r"|permeability|mean ?transit|time ?to ?peak",
        ),
        (
            "angiogram",
            r"mra|mrv|mrav|tof|(3d )?angio|angiography|angiographie|angiografia|cemra|pc ?a|m ?ip|venogra\w*"
            r"|twist|tricks"
            r"|inhance|phase contrast|vessels?|cow|willis|carotids?",
        ),
        ("spectroscopy", r"mrs|svs|csi|mrsi|press|spectro\w*|spektro\w*|probe|cho|naa"),
        ("functional image", r"f ?mri|bold|resting( state)?|task|epi|ep2d.*?"),
        ("subtraction", r"sub|subs|subtr\w*|difference|subtraktion"),
        ("proton density image", r"pdw?i?|pd[+/-]t2|dp|proton ?density|protonendichte|dens(ite)? ?protons?|rho"),
        ("short-TI inversion recovery (STIR)", r"stir|dir|double ir|psir|tirm fs|stir tirm|double inversion"),
        ("quantitative map", r"(t[12] ?|b[01] ?|r[12] ?)?(map|maps|mapping)|synthetic mr raw|magic raw|inv ?-?[12]"),
        ("cisternography", r"ciss(3d)?|fiesta|b?tfe balanced|b ?-?ffe|drive|true ?fisp|trufi|bssfp"),
        ("magnetization transfer image", r"mt|mtc|mt ?on|magnetization transfer|cest|apt ?w?"),
        (
            "image of another body part",
            r"(c|t|l|hals|cervical|lumbar|thoracic) ?-?(spine|ws)|spine|hws|lws|bws|rachis|colonna|columna"
            r"|orbits?|orbita|neck|hals|knee|liver|pelvis|prostate|abdomen|breast",
        ),
        ("CT or PET image", r"ct|pet|fdg|fet|topo|suv"),
    )
)

_NEVER_A_NAME = ("segmentation", "quantitative map", "image of another body part")  # of a patient
_NAMED = re.compile(r"(.*?)(?<![^\W_])(t[12]|flair)(?!\d)", re.IGNORECASE | re.DOTALL)

_FLAIR_NAMES = (
    r"t2[ -]?f(lair)?|t2w?[ -]?flair|flair[ -]?t2|flair|dark[ -]?fluid|darkfluid|da-fl|t2[ -]?tirm"
    r"|tirm[ -]?t2|fluid attenuated"
)
_FLAIR = _word(rf"{_FLAIR_NAMES}|[a-z]{{0,3}}flair|flair3d|flaire?fs|flair[ -]?fs")
_T1 = _word(
    r"t1|t1[ -]?w(i|tg)?|t1(n|c|ce|gd|km|c\+|kv|post|pre)|t1[ -]?weighted|t1[ -]?gewichtet|t1[ -]?pond\w*"
    r"|t1(se|tse|fse|flair)"
)
_T2 = _word(
    r"t2|t2[ -]?w(i|tg)?|t2[ -]?weighted|t2[ -]?gewichtet|t2[ -]?pond\w*|t2(tse|fse|se|frfse|fs|blade|space|prop)"
)
_IR_FLUID = _word(r"tirm|tir2d.*?|spcir.*?")

# Techniques that imply a weighting when no weighting is named, with how surely.
_TECHNIQUES: tuple[tuple[Weighting, float, re.Pattern[str]], ...] = (
    ("t1", 0.92, _word(r"m?p2?[ -]?rage|mp ?2 ?rage|(fs)?bravo|ir[ -]?f?spgr")),
    ("t1", 0.85, _word(r"e?f?spgr|vibe|thrive|tfl3d.*?|t?fl3d.*?|e?fgre(3d)?|lava|turbo ?flash|ir ?prep(ped)?")),
    ("t1", 0.7, _word(r"tfe|flash|(3d ?)?ffe(3d)?|mpr|gre")),
    ("flair", 0.65, _IR_FLUID),
    ("t2", 0.75, _word(r"fr[ -]?fse(-xl)?|tse2d.*?|frfsexl|haste|ssfse")),
    ("t2", 0.6, _word(r"tse|fse(-xl)?|fsexl|blade|propeller|multi ?vane|jet")),
)

_BOTH = re.compile(  # "with and without contrast" names the examination, not the series
    r"\bw(ith)?\s*(/|&|and|\+|,|-)?\s*(w/?o|wo|without)\b|\bw/?o\s*(/|&|and|\+)\s*w(ith)?\b"
    r"|\b(mit und ohne|ohne und mit|avec et sans|sans et avec|con y sin|sin y con|con e senza|senza e con)\b"
    r"|\b(with|pre) (and|&|/) (without|post)\b"
)
_AGENTS = (
    r"gd|gad|gado\w*|gbca|gd[ -]?dtpa|dotarem|magnevist|pro ?hance|multi ?hance|clariscan|elucirem|omniscan|artirem"
    r"|vueway|gadavist|eovist|primovist|magnegita|vasovist|optimark|ablavar|feraheme"
    r"|km|kontra\w*|contrast\w*|mdc|kontr|contr|inj|injection|injecte|injected|inj\.|wkm|ce"
    r"|контраст\w*|造影\w*|增强|增強"
)
_AGENT = _word(_AGENTS)
_ALONE = rf"(?![ -]?(?:{_AGENTS}|c)(?![^\W_]))"  # after pre and post: no agent follows
_THERAPY = (  # before or after one says nothing on contrast
    r"op|surg|rt|radi|rx|biop|proc|treat|ther|trau|resec|chem|chim|chir|c?crt|rct|xrt|srs|srt|strahl|gk|gamma|cyber"
    r"|tmz|temo|bev|avastin|ccnu|lomu|immun|craniot"
)
_NOT = (
    r"without|w/?o|wo|non?|not|un|ohne|keine?|vor|vor der|sans|avant|senza|prima di|prima|sin|sem|antes de|before|pre"
    r"|zonder|voor|utan|uten|bez|uden|без|до"
)
# A minus denies as a word's last sign (GD-, GAD(-)) or its first after a blank (T1 -GD); between words (T1-GD) or
# blanks (T1 - KM) it joins them.
_MINUS = (
    rf"(?:t1)?(?:{_AGENTS}|c)(?:-| ?\(-\)|[ -](?:neg(?:ativ\w*)?|minus|none))"
    rf"|(?<!\S)(?:-|\(-\) ?)(?:{_AGENTS}|c)(?! ?\+)"
)
_WITHOUT = _word(
    rf"{_MINUS}|(?:{_NOT})[ -]*(?:i\.?v\.?[ -]*)?(?:{_AGENTS}|c|i\.?v\.?|enh(?:anced)?)|noncontrast\w*|non?con"
    r"|造影(?:前|なし|無し?)|非造影|(?:增强|增強)前|平扫|平掃|kontrast(?:s[iı]z|los|frei)\w*"
    rf"|precontrast|pregad\w*|pregd|nativ[eao]?|pre(?![ -]?(?:{_THERAPY}))|plain|t1n"
    r"|t1pre|basale|(?:sans|ohne|senza)(?=\s*$)"
)
_WITH = re.compile(
    _word(
        rf"{_AGENTS}|enh|enhanced|(post|apres|dopo)(?![ -]?({_THERAPY}))|i\.v\.?"
        r"|(post|na|nach|mit|met|with|con|com|avec|apres|dopo|after) iv"
        r"|postcontrast\w*|postgad\w*|postgd|post ?c|t1(c|ce|gd|km|c\+|post|kv)|w/? ?c|mit km"
    ).pattern
    + r"|\+ ?(c|gd|gad|km|ce|k|i|iv|contrast)(?![^\W_])|(?<![^\W_])(t1w?)?(c|gd|km|i|iv|inj) ?\+"
)
_CONTRAST_ALONE = _word(rf"post[ -]?(?:{_AGENTS}|c)|(?:nach|apres|dopo|na|post|mit|\+) ?(?:{_AGENTS})")
_ENHANCED_T1 = _word("t1(?:ce|c|gd)")
_PRE_ALONE = _word(rf"pre{_ALONE}")
_CONTRAST = re.compile(f"{_WITHOUT.pattern}|{_WITH.pattern}")
_CONTRAST_BUT_TIMES = re.compile(rf"(?!(?:pre|post)(?![^\W_]){_ALONE})(?:{_CONTRAST.pattern})")
_WEIGHTINGS = (_FLAIR, _T1, _T2, _IR_FLUID, *(pattern for _, _, pattern in _TECHNIQUES))
_SEVERAL = "several"

# The whole tag on the contrast agent, where it does not name one.
_NO_AGENT = re.compile(
    rf"{_NOT}|n|none|nein|nil|0|ninguno|nessuno|aucun|(not|nicht) (given|applied|administered|used|gegeben)"
)
_SOME_AGENT = re.compile(r"y|yes|ja|oui|si|given|applied|administered|iv|\d*[1-9]\d*([.,]\d+)? ?(ml|cc)")


# What a volume was registered to: FLAIR_to_T1ce, T1 registered to T1ce, FLAIR in T1 space, FLAIR_space-T1ce.
_TARGET = re.compile(
    r"[ -](?:(?:(?:co-?)?reg(?:istered)?|aligned|resampled|warped)?[ -]?(?:to|onto|on|in|2)"
    r"|(?:co-?)?reg(?:istered)?|space(?=-t1))[ -]"
    rf"(?:t[12]|flair|m?p2?rage)[^\W_]*(?:[ -]?(?:post|{_AGENTS}|\+?c\+?)(?![^\W_]))*(?: space)?(?![^\W_])"
)


def _without_target(plain: str) -> str:
    """The text without the sequence to which the volume was registered, where it names another one before."""
    match = _TARGET.search(plain)
    return plain[: match.start()] + plain[match.end() :] if match and _weighting(plain[: match.start()])[2] else plain


def _weighting(plain: str) -> tuple[Weighting | None, float, str]:
    """The weighting, how surely it is meant and the words that say so."""
    flair = _FLAIR.search(plain)
    without_flair = re.sub(rf"(?<![^\W_])(?:{_FLAIR_NAMES})(?![^\W_])", " ", plain)
    t1, t2 = _T1.search(without_flair), _T2.search(without_flair)
    if t1 and t2:
        return None, 0.0, _SEVERAL
    if t1:  # T1 FLAIR is a T1
        return "t1", 0.95, t1[0]
    if flair:
        return "flair", 0.95, flair[0]
    if t2:
        fluid = _IR_FLUID.search(plain)
        return ("flair", 0.85, fluid[0]) if fluid else ("t2", 0.95, t2[0])
    for weighting, certainty, pattern in _TECHNIQUES:
        if match := pattern.search(plain):
            return weighting, certainty, match[0]
    return None, 0.0, ""


def _contrast(plain: str) -> tuple[bool | None, str]:
    """Whether a contrast agent is named, and why the words on it contradict each other."""
    rest = _BOTH.sub(" ", plain)
    if rest != plain:
        rest = re.sub(rf"^(.*?)(?:{_AGENTS})(?![^\W_])", r"\1", rest, count=1)
    if _ENHANCED_T1.search(rest):
        rest = _PRE_ALONE.sub(" ", rest)  # pre_t1ce is before an operation
    without_removed = _WITHOUT.sub(" ", rest)
    denied, named = without_removed != rest, bool(_WITH.search(without_removed))
    if denied and named:
        return None, "it says both before and after contrast"
    return (True if named else False if denied else None), ""
