"""What is said about models, and what can be done with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.models import saved, threshold_model
from tumorseg.modelfile import ModelCard, read_spec
from tumorseg.modelstore import ModelEntry, list_models
from TumorSegUNetLib.model_card import sizeText
from TumorSegUNetLib.presenter_models import (
    accuracyHtml,
    accuracyToolTip,
    byName,
    installHint,
    itemText,
    removeHint,
    transferText,
)

CARD = ModelCard(
    "Glioma <b>",
    measured=("Dice on synthetic patients 0.9.", "Dice on 7 real patients 0.6."),
    limits=("Small tumors.",),
    training_data=("BraTS", "Synthetic"),
    licence="Apache-2.0",
)


LINK = '<a href="about">About this model</a>'


def with_card(model: ModelEntry, card: ModelCard) -> ModelEntry:
    return replace(model, spec=replace(model.spec, card=card))


@pytest.fixture
def model(tmp_path: Path) -> ModelEntry:
    path = saved(threshold_model(), tmp_path)
    return ModelEntry("threshold", path, replace(read_spec(path), card=CARD))


def test_list_shows_name_and_size(model: ModelEntry) -> None:
    assert itemText(model) == f"Glioma <b> ({sizeText(model.size_bytes)})"


@pytest.mark.parametrize(("size", "text"), [(11_240_000, "11 MB"), (2_340_000, "2.3 MB"), (20_000, "0.0 MB")])
def test_sizes_are_in_megabytes(size: int, text: str) -> None:
    assert sizeText(size) == text


def test_accuracy_on_real_patients_comes_first(model: ModelEntry) -> None:
    assert accuracyHtml(model) == f"Measured: Dice on 7 real patients 0.6. {LINK}"
    assert accuracyHtml(None) == accuracyToolTip(None) == ""
    assert accuracyToolTip(model).splitlines() == [*CARD.measured, *CARD.limits]


def test_accuracy_without_real_patients_is_the_first_figure(model: ModelEntry) -> None:
    card = replace(CARD, measured=("Dice on synthetic patients 0.9.",))
    assert accuracyHtml(with_card(model, card)) == f"Measured: Dice on synthetic patients 0.9. {LINK}"


def test_a_model_that_nobody_measured_has_a_card_all_the_same(model: ModelEntry) -> None:
    assert accuracyHtml(with_card(model, replace(CARD, measured=()))) == LINK


def test_figures_are_no_markup(model: ModelEntry) -> None:
    assert "Dice &lt; 0.5" in accuracyHtml(with_card(model, replace(CARD, measured=("Dice < 0.5",))))


def test_only_installed_models_can_be_removed(model: ModelEntry) -> None:
    [shipped, *_] = list_models()
    assert removeHint(model) == ""
    assert removeHint(shipped) == "This model came with the extension and stays."
    assert removeHint(None) == "Choose a model first."


def test_transfer_tells_how_far_it_is() -> None:
    assert transferText(5_000_000, 20_000_000) == "Installing… 25 % of 20 MB"
    assert transferText(5_000_000, None) == "Installing… 5.0 MB"


@pytest.mark.parametrize(
    ("source", "checksum", "hint"),
    [
        (" ", "", "Name a model file or its web address."),
        ("/a.safetensors", "", ""),
        ("http://a.b/c", "0" * 64, "Use an https address; http is not safe."),
        ("/a.safetensors", "12", "A SHA-256 checksum has 64 characters, 0-9 and a-f."),
        ("https://a.b/c", "aF" * 32, ""),
        ("https://a.b/c", " sha256:" + "aF" * 32, ""),  # as web pages and the command write it
        ("https://a.b/c", "sha256:", "A SHA-256 checksum has 64 characters, 0-9 and a-f."),
    ],
)
def test_missing_parts_of_an_installation_are_named(source: str, checksum: str, hint: str) -> None:
    assert installHint(source, checksum) == hint


def test_downloads_need_a_checksum() -> None:
    assert "SHA-256" in installHint("https://a.b/c", "")


def test_models_are_found_by_name(model: ModelEntry) -> None:
    assert byName([model], "threshold") is model
    assert byName([model], None) is None
