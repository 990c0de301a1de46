"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# On CI the same examples every time: a rare one found there must not fail somebody else's change.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real MR data; it is not part of the checkout, and tests that need it skip without it."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TUMORSEG_DATA", beside_checkout))
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder}; set TUMORSEG_DATA")
    return folder
