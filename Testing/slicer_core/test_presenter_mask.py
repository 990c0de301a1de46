"""Whose a brain mask is: it stays as long as the volumes that it was chosen for, and no longer."""

from __future__ import annotations

from TumorSegUNetLib.presenter_mask import MaskKeeper, letGo

ANNA = {name: f"anna {name}" for name in ("t1", "t1ce", "t2", "flair")}
BERTA = {name: f"berta {name}" for name in ANNA}
NONE = dict.fromkeys(ANNA)


def kept(mask: str = "mask") -> MaskKeeper:
    """Of a mask that was chosen for Anna."""
    keeper = MaskKeeper()
    assert keeper.fits(None, ANNA)
    assert keeper.fits(mask, ANNA)
    return keeper


def test_a_mask_stays_with_its_volumes() -> None:
    keeper = kept()
    for volumes in (ANNA, {**ANNA, "t2": "other t2"}, {**ANNA, "flair": None}, ANNA):
        assert keeper.fits("mask", volumes)


def test_a_mask_goes_when_the_t1ce_is_another() -> None:
    keeper = kept()
    for name in ("t1", "t2", "flair"):  # one selector after the other
        assert keeper.fits("mask", {**ANNA, name: BERTA[name]})
    assert not keeper.fits("mask", BERTA)


def test_a_mask_stays_when_volumes_of_its_patient_are_exchanged() -> None:
    keeper = kept()
    exchanged = {**ANNA, "t1ce": ANNA["t1"], "t1": ANNA["t1ce"]}
    assert keeper.fits("mask", exchanged)
    assert keeper.fits("mask", ANNA)
    assert not keeper.fits("mask", {**BERTA, "t1": ANNA["t1"]})


def test_a_t1ce_that_is_away_for_a_while_is_remembered() -> None:
    keeper = kept()
    assert keeper.fits("mask", NONE)
    assert keeper.fits("mask", {**ANNA, "t1ce": None})
    assert not keeper.fits("mask", BERTA)
    assert not keeper.fits("mask", {**BERTA, "t1ce": None})  # the FLAIR tells
    assert keeper.fits("mask", ANNA)


def test_a_removed_volume_does_not_come_back_under_its_identifier() -> None:
    keeper = kept()
    assert not keeper.leave(ANNA["t1ce"])
    assert keeper.fits("mask", {**ANNA, "t1ce": None})
    assert not keeper.fits("mask", ANNA)


def test_a_mask_that_was_chosen_before_its_volumes_is_theirs() -> None:
    keeper = MaskKeeper()
    assert keeper.fits("mask", NONE)
    assert keeper.fits("mask", {**NONE, "t1": ANNA["t1"]})
    assert keeper.fits("mask", ANNA)
    assert not keeper.fits("mask", BERTA)


def test_another_mask_is_of_the_volumes_chosen_now() -> None:
    keeper = kept()
    assert keeper.fits("mask of Berta", BERTA)
    assert not keeper.fits("mask of Berta", ANNA)
    assert keeper.fits(None, ANNA)
    assert keeper.leave("mask of Berta") is False


def test_a_mask_that_is_removed_is_told_apart() -> None:
    assert kept().leave("mask")


def test_it_is_said() -> None:
    found = letGo("brain of Anna")
    assert found["severity"] == "note"
    assert found["message"] == (
        'The brain mask "brain of Anna" is not used any more, as it was chosen for other volumes.'
    )
    assert found["remedy"] == "If these show the skull, choose their own mask under Advanced."
