"""Small labelled cases for the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.coarse_patients import write_coarse_patients


@pytest.fixture(scope="session")
def coarse_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic patients."""
    return write_coarse_patients(tmp_path_factory.mktemp("cases"), (1, 2, 3))
