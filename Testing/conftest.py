"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Threads that wait must not take the processor from those that work: beside other programs a training in the tests
# takes 3 minutes instead of more than 8. OpenMP reads it when torch is imported; child processes inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# On CI the same examples every time: a rare one found there must not fail somebody else's change.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the user's folder; child processes inherit the variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _float32_unless_a_test_says_otherwise() -> Iterator[None]:
    """Exact values must not depend on whether the CPU has bfloat16; child processes inherit the variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSEG_PRECISION", "float32")
        yield


@pytest.fixture
def any_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number format that the device computes fastest, as for a user."""
    monkeypatch.delenv("TUMORSEG_PRECISION")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real MR data; it is not part of the checkout, and tests that need it skip without it."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TUMORSEG_DATA", beside_checkout))
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder}; set TUMORSEG_DATA")
    return folder
