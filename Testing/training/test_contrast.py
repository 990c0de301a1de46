"""Sequences are told from their voxels."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from support.tiny_patients import tiny_patient
from tumorseg.sequences import SEQUENCES
from tumorseg_training.cases import find_labelled_cases, read_labelled
from tumorseg_training.contrast import EXCHANGED, Tissues, channel_order, exchanged

PATIENT = tiny_patient(1)


def test_right_names_have_right_contrasts() -> None:
    tissues = Tissues(PATIENT.images, PATIENT.labels)
    contrasts = list(tissues.contrasts({name: name for name in SEQUENCES}))
    assert len(contrasts) == 6
    assert min(contrast.difference for contrast in contrasts) > 0.5
    assert exchanged(tissues) is None


@pytest.mark.parametrize(("first", "second"), list(combinations(SEQUENCES, 2)))
def test_every_exchange_is_seen(first: str, second: str) -> None:
    images = PATIENT.images | {first: PATIENT.images[second], second: PATIENT.images[first]}
    contrast = exchanged(Tissues(images, PATIENT.labels))
    assert contrast is not None
    assert {contrast.brighter, contrast.darker} == {first, second}


@pytest.mark.parametrize("order", [("flair", "t1", "t1ce", "t2"), ("t2", "t1ce", "flair", "t1")])
def test_the_order_of_unnamed_channels_is_told(order: tuple[str, ...]) -> None:
    volumes = {str(number): PATIENT.images[name] for number, name in enumerate(order)}
    assert channel_order([Tissues(volumes, PATIENT.labels)]) == order


def test_no_case_tells_no_order() -> None:
    with pytest.raises(ValueError, match="none shows enhancing tumor"):
        channel_order([])


def test_channels_that_look_alike_are_not_guessed() -> None:
    names = ("t1", "t1", "t2", "flair")
    volumes = {str(number): PATIENT.images[name] for number, name in enumerate(names)}
    with pytest.raises(ValueError, match=r"the order of their channels may be .* or "):
        channel_order([Tissues(volumes, PATIENT.labels)])


def test_real_cases_have_the_contrasts_of_their_names(data_folder: Path) -> None:
    unnamed = []
    for case in find_labelled_cases(data_folder / "brats2021")[1:3]:  # with enhancing tumor
        volumes, labels, _ = read_labelled(case, SEQUENCES)
        tissues = Tissues({name: volume.array for name, volume in volumes.items()}, labels)
        contrasts = list(tissues.contrasts({name: name for name in SEQUENCES}))
        assert min(contrast.difference for contrast in contrasts) > EXCHANGED + 0.2
        unnamed.append(Tissues({str(number): volumes[name].array for number, name in enumerate(SEQUENCES)}, labels))
    assert channel_order(unnamed) == SEQUENCES
