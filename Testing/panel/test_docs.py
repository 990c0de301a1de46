"""The tutorial against what it describes: its pictures are there, and the buttons it names are on the panel."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = ("tutorial.md", "troubleshooting.md", "offline-installation.md")
LARGEST_PICTURE = 200_000
"""Bytes."""

OTHERS_BUTTONS = {"Cancel", "Show 3D", "Show details", "Exchange T1 and T1ce", "Choose a brain mask"}
"""Written by the application, or by the code."""


def panel_texts() -> set[str]:
    """Texts of buttons, labels and sections in the .ui files, without the marks of keyboard shortcuts."""
    files = (REPOSITORY / "TumorSegU-Net" / "Resources" / "UI").glob("*.ui")
    strings = (item.text or "" for file in files for item in ET.parse(file).iter("string"))
    return {text.replace("&", "").rstrip(":") for text in strings}


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8"))
    local = [target for target in targets if not target.startswith("https://")]
    assert local
    assert [target for target in local if not (DOCS / target).is_file()] == []


def test_pictures_of_the_tutorial_are_small() -> None:
    pictures = re.findall(r"\]\((images/[^)]+)\)", (DOCS / "tutorial.md").read_text(encoding="utf-8"))
    assert len(pictures) >= 7
    for picture in pictures:
        assert (DOCS / picture).stat().st_size < LARGEST_PICTURE, picture


@pytest.mark.parametrize("page", PAGES)
def test_buttons_that_a_page_names_are_on_the_panel(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    named = {" ".join(name.split()) for name in re.findall(r"\*\*([^*]+)\*\*", text)}
    extensions = {"TumorSegUNet", "PyTorch"}
    sentences = {name for name in named if name[0].islower() or name.endswith(".")}
    buttons = {part for name in named - sentences - extensions for part in name.split(" > ")}
    assert buttons - OTHERS_BUTTONS <= panel_texts()


def test_tutorial_has_ten_steps() -> None:
    headings = re.findall(r"^## (\d+)\. ", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [str(number) for number in range(1, 11)]
