"""A scan is recognised again whatever its name, storage and orientation; other patients are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from support.layouts import BRATS
from support.tiny_patients import SHAPE, tiny_patient
from tumorseg.volume import Geometry, Volume
from tumorseg_training.cases import find_labelled_cases
from tumorseg_training.fingerprint import SAME, Fingerprint, fingerprint, same_scans
from tumorseg_training.fingerprint_text import from_text, to_text

GRID = Geometry(SHAPE, BRATS[0])


def _volume(seed: int) -> Volume:
    return Volume(tiny_patient(seed).images["flair"], GRID, "flair")


def _likeness(first: Volume, second: Volume) -> float:
    prints = [fingerprint({"flair": volume}) for volume in (first, second)]
    found = list(same_scans(prints))
    return found[0][2] if found else 0.0


def test_brightness_and_scale_do_not_matter() -> None:
    volume = _volume(1)
    assert _likeness(volume, replace(volume, array=volume.array * np.float32(0.013))) > 0.9999


def test_orientation_does_not_matter() -> None:
    volume = _volume(1)
    flipped = Geometry(SHAPE, BRATS[0], direction=(1, 0, 0, 0, -1, 0, 0, 0, 1))
    assert _likeness(volume, Volume(volume.array[:, ::-1].copy(), flipped, "LAS")) > 0.9999
    turned = Geometry((SHAPE[2], SHAPE[1], SHAPE[0]), BRATS[0], direction=(0, 0, 1, 0, 1, 0, 1, 0, 0))
    assert _likeness(volume, Volume(volume.array.transpose(2, 1, 0).copy(), turned, "SPL")) > 0.9999


def test_the_turn_of_the_decathlon_does_not_matter() -> None:
    volume = _volume(1)
    turned = Geometry(SHAPE, BRATS[0], direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1))
    assert _likeness(volume, Volume(volume.array, turned, "RAS")) > 0.9999


def test_another_field_of_view_does_not_matter() -> None:
    volume = _volume(1)
    wider = np.pad(volume.array, ((2, 3), (4, 0), (0, 5)))
    assert _likeness(volume, Volume(wider, Geometry((29, 44, 41)), "wider")) > 0.9999


def test_other_patients_are_others() -> None:
    prints = [fingerprint({"flair": _volume(seed)}) for seed in range(1, 7)]
    assert list(same_scans(prints)) == []


def test_only_the_same_sequences_compare() -> None:
    first = fingerprint({"flair": _volume(1)})
    assert first is not None
    assert list(same_scans([first, Fingerprint({"t1": first.blocks["flair"]}), None])) == []
    assert next(same_scans([first, first]))[2] > SAME


def test_any_sequence_that_two_cases_share_tells() -> None:
    images = tiny_patient(1).images
    whole = {name: Volume(array, GRID, name) for name, array in images.items()}
    other = {name: Volume(array, GRID, name) for name, array in tiny_patient(2).images.items()}
    prints = [fingerprint(whole), fingerprint(other)]
    prints += [fingerprint({name: whole[name]}) for name in ("t1ce", "t2")]
    prints.append(fingerprint({"t1": other["t1"], "flair": whole["flair"]}))
    assert [pair[:2] for pair in same_scans(prints)] == [(0, 2), (0, 3), (0, 4), (1, 4)]


def test_the_text_keeps_every_sequence_and_that_of_older_versions_is_read() -> None:
    found = fingerprint({name: Volume(array, GRID, name) for name, array in tiny_patient(1).images.items()})
    assert found is not None
    text = to_text(found)
    read = from_text(text)
    assert read is not None
    assert list(read.blocks) == ["t1", "t1ce", "t2", "flair"]
    for name, blocks in read.blocks.items():
        np.testing.assert_allclose(blocks, found.blocks[name], atol=1e-4)
    old = from_text(text.split()[3])
    assert old is not None
    assert list(old.blocks) == ["flair"]
    assert (to_text(None), from_text("")) == ("", None)


def test_real_patients_are_others_in_every_sequence(data_folder: Path) -> None:
    cases = find_labelled_cases(data_folder / "brats2021")
    volumes = [{name: source.read_volume() for name, source in case.images.items()} for case in cases]
    whole = [fingerprint(of_case) for of_case in volumes]
    assert list(same_scans(whole)) == []
    lacking = fingerprint({name: volumes[0][name] for name in ("t1", "t1ce", "t2")})
    assert [pair[:2] for pair in same_scans([*whole, lacking])] == [(0, 7)]


def test_an_image_of_nothing_has_no_fingerprint() -> None:
    for value in (0, 7, np.nan):
        assert fingerprint({"t1": Volume(np.full(SHAPE, value, np.float32), GRID, "t1")}) is None
    assert fingerprint({}) is None
