"""From a prepared folder to batches: which cases, which samples in which step, on which process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from tumorseg.errors import BadInputError
from tumorseg_training.patches import Patch, PatchDataset, RawPatch, TrainingCase
from tumorseg_training.prepared import Prepared, PreparedCase
from tumorseg_training.recipe import Recipe
from tumorseg_training.validation import ValidationShard


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


class FinishedPatches(Dataset[Patch]):
    """Patches that are shaped and changed where they are loaded: by the workers of a training on the CPU."""

    def __init__(self, raw: PatchDataset) -> None:
        self.raw = raw

    def __getitem__(self, index: int) -> Patch:
        return self.raw[index].finish(self.raw.recipe.patch_size)


class TrainingData(LightningDataModule):
    """Batches of training patches and validation cases for one process.

    Args:
        recipe: of the run.
        groups: training cases, by data folder.
        validation: cases to score.
        workers: processes that load patches.
        on_device: whether patches are shaped and changed on the device instead of by the workers.
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

    def train_dataloader(self) -> DataLoader[Any]:
        """This process's part of each step."""
        raw = PatchDataset(self.groups, self.recipe)
        cases = sum(map(len, self.groups))
        batches = EpochBatches(self.recipe.batch_size, self.recipe.steps(cases), *self._place())
        dataset: Dataset[RawPatch] | Dataset[Patch] = raw if self.on_device else FinishedPatches(raw)
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=self.workers,
            collate_fn=as_list,
            pin_memory=self.on_device,
            persistent_workers=self.workers > 0,
        )

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
        BadInputError: a channel that was not prepared, or no case that can be used.
    """
    if missing := [name for name in recipe.channels if name not in prepared.channels]:
        raise BadInputError(
            f"The recipe {recipe.name} needs {', '.join(missing)}, but {prepared.folder} was prepared without; "
            "prepare it again."
        )
    usable = [[case for case in group if _usable(case, recipe)] for group in prepared.groups(names)]
    kept = [[_training_case(case, prepared, recipe) for case in group] for group in usable if group]
    known = {case.name for group in kept for case in group}
    if lost := [name for name in names if name not in known]:
        warn(f"Left out, as they have none of {', '.join(recipe.channels)}: {', '.join(lost)}.")
    return kept


def _usable(case: PreparedCase, recipe: Recipe) -> bool:
    return not set(recipe.channels).isdisjoint(case.sequences)


def _training_case(case: PreparedCase, prepared: Prepared, recipe: Recipe) -> TrainingCase:
    return TrainingCase(
        name=case.cached.name,
        load=case.cached.load,
        channels=tuple(prepared.channels.index(name) for name in recipe.channels),
        present=tuple(name in case.sequences for name in recipe.channels),
        undivided=case.undivided,
    )
