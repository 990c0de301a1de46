"""Which sample is in which step on which process, loading by threads, and cases that a recipe cannot use."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.prepared import TINY, head, prepared_case, prepared_folder
from tumorseg.errors import BadInputError
from tumorseg.sequences import SEQUENCES
from tumorseg_training.patches import PatchDataset, RawPatch
from tumorseg_training.prepared import Prepared
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.training_data import EpochBatches, PatchLoader, TrainingData, check_shares, training_cases

RECIPE = load_recipe(TINY)


def _numbers(batches: EpochBatches, epoch: int) -> list[list[int]]:
    batches.set_epoch(epoch)
    return list(batches)


def test_samples_are_numbered_through_the_run() -> None:
    batches = EpochBatches(batch_size=2, steps=3)
    assert _numbers(batches, 0) == [[0, 1], [2, 3], [4, 5]]
    assert _numbers(batches, 2) == [[12, 13], [14, 15], [16, 17]]
    assert len(batches) == 3


def test_processes_share_a_step_without_gaps_or_doubles() -> None:
    shares = [_numbers(EpochBatches(6, 2, process, 3), 1) for process in range(3)]
    together = [[number for share in shares for number in share[step]] for step in range(2)]
    assert together == _numbers(EpochBatches(6, 2), 1)


def _loader(folder: Path, threads: int, on_device: bool = False) -> PatchLoader:
    prepared = prepared_folder(folder)
    groups = training_cases(prepared, RECIPE, [case.name for case in prepared.cases], print)
    data = TrainingData(RECIPE, groups, [], threads, on_device)
    return data.train_dataloader()


def test_threads_make_the_same_batches_in_the_same_order(tmp_path: Path) -> None:
    alone, threaded = (list(_loader(tmp_path / "p", threads)) for threads in (0, 3))
    assert [len(batch) for batch in alone] == [2, 2, 2, 2]
    for first, second in zip(alone, threaded, strict=True):
        assert all(torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True))


def test_patches_for_a_device_are_finished_there(tmp_path: Path) -> None:
    (raw, *_), *_ = list(_loader(tmp_path / "p", 1, on_device=True))
    (finished, *_), *_ = list(_loader(tmp_path / "p", 0))
    assert isinstance(raw, RawPatch)
    assert raw.cut.images.dtype == torch.float16
    assert torch.equal(raw.to(torch.device("cpu")).finish(RECIPE.patch_size).images, finished.images)


def test_a_failing_thread_says_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: PatchDataset, index: int) -> RawPatch:
        raise OSError(5, "Input/output error", "a.npy")

    monkeypatch.setattr(PatchDataset, "__getitem__", broken)
    with pytest.raises(OSError, match="Input/output error"):
        next(iter(_loader(tmp_path / "p", 2)))


def test_threads_end_with_the_loop(tmp_path: Path) -> None:
    before = threading.active_count()
    for _ in _loader(tmp_path / "p", 2):
        break
    assert threading.active_count() == before


def _partial(folder: Path) -> Prepared:
    """One full case, and one with T1 and FLAIR whose tumor is not divided."""
    folder.mkdir()
    images, labels = head(1)
    cases = (
        prepared_case(folder, "full", *head(0)),
        prepared_case(folder, "partial", images, np.where(labels, 5, 0), sequences=("t1", "flair"), undivided=True),
    )
    return Prepared(folder, SEQUENCES, cases)


def test_absent_sequences_and_undivided_tumors_are_known(tmp_path: Path) -> None:
    ((full, partial),) = training_cases(_partial(tmp_path / "p"), RECIPE, ["full", "partial"], print)
    assert (full.present, full.undivided) == ((True,) * 4, False)
    assert (partial.present, partial.undivided) == ((True, False, False, True), True)


@pytest.fixture
def said() -> tuple[list[str], Callable[[str], None]]:
    sentences: list[str] = []
    return sentences, sentences.append


def test_cases_without_the_recipes_sequence_are_left_out_in_words(
    tmp_path: Path, said: tuple[list[str], Callable[[str], None]]
) -> None:
    one = replace(RECIPE, channels=("t1ce",), network=replace(RECIPE.network, in_channels=1))
    ((full,),) = training_cases(_partial(tmp_path / "p"), one, ["full", "partial"], said[1])
    assert (full.name, full.channels) == ("full", (1,))
    assert said[0] == ["Left out, as they have none of t1ce: partial."]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"data": 2.0, "real": 1.0}, "The recipe tiny has shares of real; the folders to train on are data."),
        ({"data": 0.0}, "The shares in the recipe tiny are 0 for all folders; leave one of them."),
    ],
)
def test_shares_must_fit_the_folders(tmp_path: Path, shares: dict[str, float], message: str) -> None:
    groups = training_cases(_partial(tmp_path / "p"), RECIPE, ["full"], print)
    check_shares(replace(RECIPE, shares={"data": 2.0}), groups)
    with pytest.raises(BadInputError, match=re.escape(message)):
        check_shares(replace(RECIPE, shares=shares), groups)


def test_donors_must_be_among_the_folders(tmp_path: Path) -> None:
    groups = training_cases(_partial(tmp_path / "p"), RECIPE, ["full"], print)
    check_shares(replace(RECIPE, donors=("data",)), groups)
    with pytest.raises(BadInputError, match="The recipe tiny has donors of real; the folders to train on are data"):
        check_shares(replace(RECIPE, donors=("real",)), groups)


def test_a_sequence_that_was_not_prepared_is_named(tmp_path: Path) -> None:
    prepared = replace(_partial(tmp_path / "p"), channels=("t1", "flair"))
    with pytest.raises(BadInputError, match=r"The recipe tiny needs t1ce, t2, but .* was prepared without"):
        training_cases(prepared, RECIPE, ["full"], print)


def test_another_voxel_size_than_the_recipes_is_refused(tmp_path: Path) -> None:
    prepared = replace(_partial(tmp_path / "p"), spacing=2.0)
    with pytest.raises(BadInputError, match=r"tiny trains at 1 mm, but .* holds voxels of 2 mm; .* --spacing 1\."):
        training_cases(prepared, RECIPE, ["full"], print)


@pytest.mark.parametrize(
    ("wanted", "held", "remedy"),
    [
        ("zscore-flat", "zscore-brain", "zscore-flat"),
        ("zscore-brain", "zscore-flat", "zscore-brain"),
        ("minmax-brain", "zscore-flat", "zscore-brain"),
    ],
)
def test_another_normalisation_than_the_recipes_is_refused(wanted: str, held: str, remedy: str, tmp_path: Path) -> None:
    prepared = replace(_partial(tmp_path / "p"), normalisation=held)
    recipe = replace(RECIPE, normalisation=wanted)
    words = f"tiny trains with {wanted}, but .* was prepared as {held}; .* --normalisation {remedy}"
    with pytest.raises(BadInputError, match=words):
        training_cases(prepared, recipe, ["full"], print)


@pytest.mark.parametrize(
    ("wanted", "held"),
    [("zscore-flat", "zscore-flat"), ("zscore-brain", "zscore-brain"), ("minmax-brain", "zscore-brain")],
)
def test_the_normalisation_that_a_recipe_is_made_from_is_accepted(wanted: str, held: str, tmp_path: Path) -> None:
    prepared = replace(_partial(tmp_path / "p"), normalisation=held)
    assert training_cases(prepared, replace(RECIPE, normalisation=wanted), ["full"], print)
