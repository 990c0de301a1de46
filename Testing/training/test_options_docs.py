"""The documentation against the commands: every option is named, and what pip is told to install can be had."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tumorseg.cli import _add_segment
from tumorseg_training.crossval_command import add_arguments as _add_crossval

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = {
    path.name: path.read_text(encoding="utf-8") for path in (REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md"))
}
OBVIOUS = {"--help", "--seed"}
"""Options that say all about themselves."""


@pytest.mark.parametrize("declare", [_add_segment, _add_crossval])
def test_every_option_is_described(declare: Callable[[argparse.ArgumentParser], None]) -> None:
    parser = argparse.ArgumentParser()
    declare(parser)
    options = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
    text = "\n".join(PAGES.values())
    assert {name for name in options - OBVIOUS if not re.search(rf"{name}(?![\w-])", text)} == set()


@pytest.mark.parametrize("page", PAGES)
def test_our_packages_are_installed_from_the_checkout(page: str) -> None:
    assert re.findall(r"pip install [^`\n]*?(?<![/\w-])tumorseg\b[^`\n]*", PAGES[page]) == []
