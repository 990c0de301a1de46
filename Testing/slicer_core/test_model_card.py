"""The card of a model: everything that its file says, readable, and links that lead where they say."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from support.models import saved, threshold_model
from tumorseg.modelfile import ModelCard, PostProcessing, read_spec
from tumorseg.modelstore import ModelEntry
from TumorSegUNetLib.model_card import cardHtml

CARD = ModelCard(
    "Glioma <b>",
    description="A network & its rules.",
    measured=("Dice on 7 real patients 0.6 (95 % interval 0.4-0.8).", "Dice on synthetic patients 0.9."),
    limits=("Small tumors.",),
    training_data=("BraTS 2021 (CC BY 4.0)", "Atlas (CC BY-NC-SA 3.0, https://example.org/atlas)."),
    licence="Apache-2.0",
    attribution=("Baid et al. 2021 (arXiv:2107.02314)", "Bakas et al. 2017, doi:10.1038/sdata.2017.117."),
)


@pytest.fixture
def model(tmp_path: Path) -> ModelEntry:
    path = saved(threshold_model(), tmp_path)
    return ModelEntry("threshold", path, replace(read_spec(path), card=CARD))


def changed(model: ModelEntry, **values: object) -> ModelEntry:
    return replace(model, spec=replace(model.spec, **values))


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_card_tells_everything_and_is_no_markup(model: ModelEntry) -> None:
    html = cardHtml(model)
    for text in (*CARD.measured, *CARD.limits, *CARD.training_data, *CARD.attribution, CARD.licence, CARD.intended_use):
        assert text in plain(html)
    assert "Glioma &lt;b&gt;" in html
    assert "A network &amp; its rules." in html
    assert cardHtml(None) == ""


def test_research_only_comes_before_anything_else(model: ModelEntry) -> None:
    html = cardHtml(model)
    assert html.index("Research only") < html.index("A network") < html.index("Measured") < html.index("Limits")
    assert f"<b>{CARD.intended_use}</b>" in html


def test_what_is_missing_is_said(model: ModelEntry) -> None:
    html = cardHtml(changed(model, card=ModelCard("New")))
    assert "Nobody has measured how good it is." in html
    assert "Not stated; ask its authors" in html


def test_needs_and_rules_are_in_words(model: ModelEntry) -> None:
    rules = PostProcessing(
        min_component_ml=0.1, min_enhancing_ml=0.25, temperatures=(1.0, 1.0, 1.0), biases=(0.0, 0.0, 0.0)
    )
    spacing, guides = (1.0, 1.0, 2.5), ("t1ce", "flair")
    all_of_it = changed(
        model, members=5, tta=True, other_half=True, guides=guides, spacing=spacing, postprocessing=rules
    )
    text = plain(cardHtml(all_of_it))
    for sentence in (
        "Needs T1, T1ce, T2, FLAIR, at voxels of 1 × 1 × 2.5 mm (others are resampled).",
        "Finds whole tumor (WT), tumor core (TC), enhancing tumor (ET).",
        "Averages 5 networks.",
        "Always averages over mirrored copies.",
        "Compares both halves of the brain.",
        "Outlines follow T1ce, FLAIR at their full resolution.",
        "Separate parts below 0.1 mL are left out.",
        "An enhancing tumor below 0.25 mL in all counts as core without enhancement.",
        "Its probabilities are calibrated.",
    ):
        assert sentence in text
    plainest = plain(cardHtml(changed(model, postprocessing=PostProcessing())))
    assert not any(word in plainest for word in ("averages", "Averages", "Compares", "follow", "below", "calibrated"))


def test_links_lead_to_papers_licenses_and_addresses(model: ModelEntry) -> None:
    html = cardHtml(model)
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a>', html) == [
        ("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/", "CC BY-NC-SA 3.0"),
        ("https://example.org/atlas", "https://example.org/atlas"),
        ("https://arxiv.org/abs/2107.02314", "arXiv:2107.02314"),
        ("https://doi.org/10.1038/sdata.2017.117", "doi:10.1038/sdata.2017.117"),
    ]


def test_a_hostile_card_makes_no_markup_of_its_links(model: ModelEntry) -> None:
    html = cardHtml(changed(model, card=replace(CARD, licence='https://a.b/"onclick="x&<i>')))
    assert "<i>" not in html
    assert 'href="https://a.b/&quot;onclick=&quot;x&amp;"' in html


def test_the_hash_tells_the_file_from_all_others(model: ModelEntry) -> None:
    digest = hashlib.sha256(model.path.read_bytes()).hexdigest()
    assert digest in cardHtml(model, hashed=True)
    assert digest not in cardHtml(model)


def test_a_card_outlives_its_file(model: ModelEntry) -> None:
    model.path.unlink()
    assert f"{model.path} cannot be read (No such file or directory)." in plain(cardHtml(model, hashed=True))
