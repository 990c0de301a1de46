"""Brightness of tissues and tumour parts on each sequence: the orderings radiologists rely on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorseg.phantom import draw_spec, make_patient
from tumorseg.phantom.contrast import draw_contrasts

CSF, GREY, WHITE = 1, 2, 3
NECROSIS, OEDEMA, ENHANCING = 1, 2, 3

# {sequence: ({tissue: median brightness}, {label: median brightness})}
Medians = dict[str, tuple[dict[int, float], dict[int, float]]]


@pytest.mark.parametrize("seed", range(0, 200, 7))
def test_drawn_contrasts_keep_the_textbook_order(seed: int) -> None:
    contrasts = draw_contrasts(draw_spec(seed))
    t1, t1ce, t2, flair = (contrasts[s] for s in ("t1", "t1ce", "t2", "flair"))
    assert t1.white > t1.grey > t1.csf
    assert t1.grey >= t1.oedema > t1.fluid_core
    assert t1ce.enhancing > t1ce.white > t1ce.grey > t1ce.solid_core
    assert t2.csf > t2.oedema > t2.grey > t2.white
    assert t2.fluid_core > t2.grey
    assert flair.oedema > flair.grey > flair.white > flair.csf
    assert flair.oedema > flair.fluid_core


@pytest.fixture(scope="module", params=[1, 9])
def medians(request: pytest.FixtureRequest) -> Medians:
    """What one patient with all tumour parts shows, tissues taken away from the tumour."""
    spec = replace(
        draw_spec(request.param),
        enhancing=True,
        n_foci=1,
        tumour_radius=25.0,
        rim_thickness=8.0,
        rim_gap=0.0,
        cystic=1.0,
        oedema_reach=20.0,
        bias_strength=(0.02,) * 4,
        slice_thickness=(0.0,) * 4,
    )
    patient = make_patient(request.param, shape=(78, 120, 120), spacing=2.0, spec=spec)
    healthy = np.where(patient.labels == 0, patient.tissues, 0)
    return {
        sequence: (
            {tissue: float(np.median(image[healthy == tissue])) for tissue in (CSF, GREY, WHITE)},
            {part: float(np.median(image[patient.labels == part])) for part in (NECROSIS, OEDEMA, ENHANCING)},
        )
        for sequence, image in patient.images.items()
    }


def test_t1_shows_white_above_grey_above_csf(medians: Medians) -> None:
    tissue, part = medians["t1"]
    assert tissue[WHITE] > tissue[GREY] > tissue[CSF]
    assert part[NECROSIS] < part[OEDEMA] < tissue[WHITE]


def test_t1ce_shows_a_bright_rim_around_a_dark_core(medians: Medians) -> None:
    tissue, part = medians["t1ce"]
    assert part[ENHANCING] > tissue[WHITE] > tissue[GREY] > tissue[CSF]
    assert part[NECROSIS] < part[OEDEMA] < part[ENHANCING]


def test_t2_shows_csf_above_oedema_above_grey_above_white(medians: Medians) -> None:
    tissue, part = medians["t2"]
    assert tissue[CSF] > tissue[GREY] > tissue[WHITE]
    assert part[OEDEMA] > tissue[GREY]
    assert part[NECROSIS] > tissue[GREY]


def test_flair_shows_oedema_brightest_and_csf_dark(medians: Medians) -> None:
    tissue, part = medians["flair"]
    assert part[OEDEMA] > tissue[GREY] > tissue[WHITE] > tissue[CSF]
    assert part[OEDEMA] > part[NECROSIS]


def test_without_enhancement_t1ce_shows_no_bright_core() -> None:
    spec = replace(draw_spec(4), enhancing=False, tumour_radius=25.0, n_foci=1)
    patient = make_patient(4, shape=(39, 60, 60), spacing=4.0, spec=spec)
    t1ce = patient.images["t1ce"]
    white = np.median(t1ce[(patient.tissues == WHITE) & (patient.labels == 0)])
    assert np.median(t1ce[patient.labels == NECROSIS]) < white
