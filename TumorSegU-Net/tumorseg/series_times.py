"""What the echo, repetition and inversion times of a series say about its weighting.

Ranges: recommended brain tumor protocol (Ellingson et al. 2015, Neuro-Oncology 17:1188, tables 1-2: T2 TSE TR > 2500,
TE 80-120; FLAIR TR > 6000, TE 100-140, TI 2000-2500; 3D T1 TI 1100, TE minimal), widened to what scanners do: spin-echo
T1 TR 300-1000, TE <= 30 and T1 FLAIR TI 700-1000 (Westbrook, MRI in Practice, ch. 2 and 5), SPACE/CUBE echo trains with
TE up to 600, STIR TI 100-300.
"""

from __future__ import annotations

from typing import Literal

Timed = Literal["t1", "t2", "flair", "other", "stir"]

LONG_TE_MS = 60.0
SHORT_TE_MS = 30.0
GRADIENT_TE_MS = 6.0
"""Shorter than any brain spin echo at long TR: a gradient echo, T1-weighted in brain protocols."""

LONG_TR_MS = 2000.0
SHORT_TR_MS = 1000.0
FLAIR_TI_MS = 1500.0
T1_FLAIR_TR_MS = 3000.0
"""The longest of a T1 FLAIR; without its inversion time it looks like a proton density image."""

T1_TI_MS = (350.0, 1400.0)
STIR_TI_MS = (80.0, 300.0)


def possible_weightings(te_ms: float | None, tr_ms: float | None, ti_ms: float | None) -> frozenset[Timed]:
    """The weightings that the times allow; empty when they say nothing. ``other`` is none of the four sequences, and so
    is ``stir``.

    Args:
        te_ms, tr_ms, ti_ms: DICOM (0018,0081), (0018,0080), (0018,0082); None or 0 when absent.
    """
    te, tr, ti = te_ms or 0.0, tr_ms or 0.0, ti_ms or 0.0
    if te <= 0:
        return frozenset()
    if te >= LONG_TE_MS:
        return _long_echo(tr, ti)
    if te > SHORT_TE_MS:
        return frozenset()
    if STIR_TI_MS[0] <= ti <= STIR_TI_MS[1] and tr >= LONG_TR_MS:
        return frozenset({"stir"})
    if T1_TI_MS[0] <= ti <= T1_TI_MS[1] or 0 < tr <= SHORT_TR_MS or te <= GRADIENT_TE_MS:
        return frozenset({"t1"})
    if ti or tr < LONG_TR_MS:
        return frozenset()
    return frozenset({"t1", "other"}) if tr < T1_FLAIR_TR_MS else frozenset({"other"})


def _long_echo(tr: float, ti: float) -> frozenset[Timed]:
    if ti >= FLAIR_TI_MS:
        return frozenset({"flair"})
    if STIR_TI_MS[0] <= ti <= STIR_TI_MS[1]:
        return frozenset({"stir"})
    if not ti and tr >= 4500:  # a FLAIR whose inversion time was not exported looks the same
        return frozenset({"t2", "flair"})
    return frozenset({"t2"}) if not ti and (not tr or tr >= SHORT_TR_MS) else frozenset()
