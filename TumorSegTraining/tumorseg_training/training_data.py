"""From a prepared folder to batches: which cases, which samples in which step, on which process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from tumorseg.errors import BadInputError
from tumorseg_training.cache import cached_as
from tumorseg_training.patches import Patch, PatchDataset, RawPatch
from tumorseg_training.prepared import Prepared, PreparedCase
from tumorseg_training.recipe import Recipe
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.validation import ValidationShard

AHEAD = 2
"""Samples per thread that are made before they are needed."""


class EpochBatches(Sampler[list[int]]):
    """Sample numbers of this process's part of each step of an epoch.

    Samples are numbered through the whole run, so that a step has the same ones however many processes share it.
    """

    def __init__(self, batch_size: int, steps: int, process: int = 0, processes: int = 1) -> None:
        self.batch_size, self.steps = batch_size, steps
        self.share = batch_size // processes
        self.first = process * self.share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after going on from a checkpoint."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.epoch * self.steps, (self.epoch + 1) * self.steps):
            start = step * self.batch_size + self.first
            yield list(range(start, start + self.share))


class PatchLoader:
    """Batches of patches, made by threads ahead of their use.

    Threads instead of the processes of torch's ``DataLoader``: reading and changing arrays does not hold Python's lock,
    nothing is copied between processes, a failure keeps its traceback, and it works on Windows as on Linux.

    Args:
        patches: to load.
        batch_sampler: sample numbers of each batch.
        threads: that load; 0 loads when asked.
        on_device: whether patches are shaped and changed later, on the device; otherwise that happens here.
    """

    def __init__(self, patches: PatchDataset, batch_sampler: EpochBatches, threads: int, on_device: bool) -> None:
        self.patches, self.batch_sampler = patches, batch_sampler
        self.threads, self.on_device = threads, on_device

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[list[RawPatch] | list[Patch]]:
        if not self.threads:
            yield from ([self._load(index) for index in batch] for batch in self.batch_sampler)
            return
        pool = ThreadPoolExecutor(self.threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            waiting: deque[list[Future[Any]]] = deque()
            for batch in self.batch_sampler:
                waiting.append([pool.submit(self._load, index) for index in batch])
                if sum(map(len, waiting)) > AHEAD * self.threads:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            pool.shutdown(cancel_futures=True)

    def _load(self, index: int) -> Any:
        raw = self.patches[index]
        return raw.pinned() if self.on_device else raw.finish(self.patches.recipe.patch_size)


class TrainingData(LightningDataModule):
    """Batches of training patches and validation cases for one process.

    Args:
        recipe: of the run.
        groups: training cases, by data folder.
        validation: cases to score.
        workers: threads that load patches.
        on_device: whether patches are shaped and changed on the device instead of by the threads.
    """

    def __init__(
        self,
        recipe: Recipe,
        groups: Sequence[Sequence[TrainingCase]],
        validation: Sequence[TrainingCase],
        workers: int = 0,
        on_device: bool = False,
    ) -> None:
        super().__init__()
        self.recipe, self.groups, self.validation = recipe, groups, validation
        self.workers, self.on_device = workers, on_device

    def train_dataloader(self) -> PatchLoader:
        """This process's part of each step."""
        cases = sum(map(len, self.groups))
        batches = EpochBatches(self.recipe.batch_size, self.recipe.steps(cases), *self._place())
        return PatchLoader(PatchDataset(self.groups, self.recipe), batches, self.workers, self.on_device)

    def val_dataloader(self) -> DataLoader[Any]:
        """This process's validation cases, one a batch."""
        return DataLoader(ValidationShard(self.validation, *self._place()), batch_size=None, collate_fn=as_list)

    def _place(self) -> tuple[int, int]:
        """Number of this process, and of all."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def as_list(batch: list[Any]) -> list[Any]:
    """A batch as the list that it is."""
    return batch


def training_cases(
    prepared: Prepared, recipe: Recipe, names: Sequence[str], warn: Callable[[str], None]
) -> list[list[TrainingCase]]:
    """The named cases by data folder, as patches are cut from them; those without any of the recipe's sequences not.

    Args:
        prepared: folder of the cases.
        recipe: names the channels.
        names: of the cases.
        warn: is told which cases cannot be used.

    Raises:
        BadInputError: a channel, a voxel size or a normalisation that was not prepared, or no case that can be used.
    """
    if missing := [name for name in recipe.channels if name not in prepared.channels]:
        raise BadInputError(
            f"The recipe {recipe.name} needs {', '.join(missing)}, but {prepared.folder} was prepared without; "
            "prepare it again."
        )
    if abs(recipe.spacing - prepared.spacing) > 1e-3:
        raise BadInputError(
            f"The recipe {recipe.name} trains at {recipe.spacing:g} mm, but {prepared.folder} holds voxels of "
            f"{prepared.spacing:g} mm; prepare another folder with --spacing {recipe.spacing:g}."
        )
    if (needed := cached_as(recipe.normalisation)) != prepared.normalisation:
        raise BadInputError(
            f"The recipe {recipe.name} trains with {recipe.normalisation}, but {prepared.folder} was prepared as "
            f"{prepared.normalisation}; prepare another folder with --normalisation {needed}."
        )
    usable = [[case for case in group if _usable(case, recipe)] for group in prepared.groups(names)]
    kept = [[_training_case(case, prepared, recipe) for case in group] for group in usable if group]
    known = {case.name for group in kept for case in group}
    if lost := [name for name in names if name not in known]:
        warn(f"Left out, as they have none of {', '.join(recipe.channels)}: {', '.join(lost)}.")
    return kept


def check_shares(recipe: Recipe, groups: Sequence[Sequence[TrainingCase]]) -> None:
    """Refuse shares and donors of data folders that are not there, and shares that leave nothing to train on.

    Raises:
        BadInputError: naming the folders.
    """
    names = [group[0].group for group in groups]
    for entry, folders in (("shares", recipe.shares), ("donors", recipe.donors)):
        if unknown := set(folders) - set(names):
            raise BadInputError(
                f"The recipe {recipe.name} has {entry} of {', '.join(sorted(unknown))}; the folders to train on are "
                f"{', '.join(names)}."
            )
    if not any(recipe.shares.get(name, 1.0) for name in names):
        raise BadInputError(f"The shares in the recipe {recipe.name} are 0 for all folders; leave one of them.")


def _usable(case: PreparedCase, recipe: Recipe) -> bool:
    return not set(recipe.channels).isdisjoint(case.sequences)


def _training_case(case: PreparedCase, prepared: Prepared, recipe: Recipe) -> TrainingCase:
    return TrainingCase(
        name=case.cached.name,
        load=case.cached.load,
        channels=tuple(prepared.channels.index(name) for name in recipe.channels),
        present=tuple(name in case.sequences for name in recipe.channels),
        undivided=case.undivided,
        group=case.group,
    )
