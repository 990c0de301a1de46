"""The index of a prepared folder is read as it was written, wherever the folder lies, or refused in words."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorseg.errors import BadInputError
from tumorseg_training.cache import CachedCase
from tumorseg_training.prepared import INDEX, Prepared, PreparedCase, load_prepared, write_prepared


def _prepared(folder: Path) -> Prepared:
    """Two groups: ``a`` with cases 1 and 3, ``b`` with case 2, which has no T1 and an undivided truth."""
    folder.mkdir()
    cases = []
    for number, group in ((3, "a"), (2, "b"), (1, "a")):
        cached = CachedCase(f"Case_{number}", folder / f"{number}.npy", folder / f"{number}.seg.npy")
        np.save(cached.images, np.zeros((2, 1, 1, 1), np.float16))
        np.save(cached.labels, np.zeros((1, 1, 1), np.uint8))
        case = PreparedCase(cached, f"patient {number}", "HGG", group, ("t1", "flair"), False, f"/data/{group}")
        cases.append(case if group == "a" else replace(case, grade=None, sequences=("flair",), undivided=True))
    return write_prepared(folder, ("t1", "flair"), cases)


def test_the_index_is_read_as_written_and_sorted(tmp_path: Path) -> None:
    written = _prepared(tmp_path / "prepared")
    assert load_prepared(tmp_path / "prepared") == written
    assert [case.name for case in written.cases] == ["Case_1", "Case_3", "Case_2"]
    assert (written.cases[2].undivided, written.cases[2].grade) == (True, None)


def test_a_moved_folder_is_still_complete(tmp_path: Path) -> None:
    _prepared(tmp_path / "prepared")
    (tmp_path / "prepared").rename(tmp_path / "moved")
    images, labels = load_prepared(tmp_path / "moved").cases[0].cached.load()
    assert (images.shape, labels.shape) == ((2, 1, 1, 1), (1, 1, 1))


def test_groups_hold_the_named_cases_in_a_fixed_order(tmp_path: Path) -> None:
    prepared = _prepared(tmp_path / "prepared")
    named = [[case.name for case in group] for group in prepared.groups({"Case_2", "Case_3", "Case_1"})]
    assert named == [["Case_1", "Case_3"], ["Case_2"]]
    assert [[case.name for case in group] for group in prepared.groups(["Case_3"])] == [["Case_3"]]
    with pytest.raises(BadInputError, match="holds no case Case_9; run tumorseg-train prepare"):
        prepared.groups(["Case_1", "Case_9"])


def test_a_folder_that_was_not_prepared_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInputError, match=rf"no cases.json in .*{folder.name}; run tumorseg-train prepare"):
            load_prepared(folder)


def test_missing_cache_files_are_named(tmp_path: Path) -> None:
    _prepared(tmp_path / "prepared").cases[1].cached.labels.unlink()
    with pytest.raises(BadInputError, match=r"Files of Case_3 are missing in .*prepared; run"):
        load_prepared(tmp_path / "prepared")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 1, "channels": []}', '{"version": 1, "cases": ["x"]}', "\xff"]
)
def test_a_damaged_index_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / INDEX).write_text(text, encoding="latin-1")
    with pytest.raises(BadInputError, match=r"cases.json is damaged or was changed by hand; run"):
        load_prepared(tmp_path)


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"version": 99}))
    with pytest.raises(BadInputError, match=r"cases.json is of version 99, this program needs 1; run"):
        load_prepared(tmp_path)
