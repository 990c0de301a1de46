"""The folder of what can be made again does not grow for ever."""

import os
from pathlib import Path

import pytest

from tumorseg.cache_folder import cache_folder, drop_oldest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of 100 bytes; ``b`` was used last, although ``a`` was written later."""
    for name, accessed, written in (("a", 20, 20), ("b", 30, 10), ("c", 5, 10)):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        os.utime(path, (accessed, written))
    return tmp_path


def test_an_account_without_a_home_folder_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    assert cache_folder() is not None  # of the tests
    monkeypatch.delenv("TUMORSEG_CACHE")
    monkeypatch.setattr(Path, "home", unknown)
    assert cache_folder() is None


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("kept", "names"), [(300, "abc"), (299, "ab"), (150, "b"), (0, "")])
def test_what_was_not_used_for_longest_goes_first(folder: Path, kept: int, names: str) -> None:
    drop_oldest(folder, kept)
    assert _names(folder) == list(names)


def test_a_file_that_cannot_be_deleted_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    drop_oldest(folder, 0)
    assert _names(folder) == ["a", "b", "c"]
