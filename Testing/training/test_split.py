"""split.json: what is written is read, its hash depends on who is where and on nothing else."""

import json
from pathlib import Path

import pytest

from tumorseg.errors import BadInputError
from tumorseg_training.split import SPLIT, Split, load_split, load_splits, write_splits

NAMES = ("a", "b", "c", "d", "e")


def _write(folder: Path, test: tuple[str, ...] = ("e",)) -> list[Split]:
    return write_splits(folder, test, [("b", "a"), ("d", "c")], NAMES, seed=7)


def test_every_fold_is_read_as_written(tmp_path: Path) -> None:
    written = _write(tmp_path)
    assert load_splits(tmp_path) == written
    second = load_split(tmp_path, 1)
    assert (second.fold, second.train, second.validation, second.test) == (1, ("a", "b"), ("c", "d"), ("e",))


def test_the_hash_tells_splits_apart_but_not_layouts(tmp_path: Path) -> None:
    first = _write(tmp_path)[0].sha256
    document = json.loads((tmp_path / SPLIT).read_text())
    (tmp_path / SPLIT).write_text(json.dumps(dict(reversed(document.items()))))
    assert load_split(tmp_path, 0).sha256 == first
    assert _write(tmp_path, test=())[0].sha256 != first
    assert len(first) == 64


@pytest.mark.parametrize("fold", [-1, 2])
def test_a_fold_that_does_not_exist_is_refused(tmp_path: Path, fold: int) -> None:
    _write(tmp_path)
    with pytest.raises(BadInputError, match=rf"split.json has the folds 0 to 1, not {fold}; choose"):
        load_split(tmp_path, fold)


@pytest.mark.parametrize(
    "change",
    [
        {"folds": []},
        {"folds": [{"train": ["a"]}]},
        {"folds": [{"train": ["a"], "validation": ["a"]}]},
        {"test": ["a"]},
        {"test": None},
    ],
)
def test_a_split_changed_by_hand_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    _write(tmp_path)
    document = json.loads((tmp_path / SPLIT).read_text())
    (tmp_path / SPLIT).write_text(json.dumps(document | change))
    with pytest.raises(BadInputError, match=r"split.json is damaged or was changed by hand; run"):
        load_split(tmp_path, 0)
