"""Validation: the engine's predictor, thresholds and rules on held-out cases, so that what is reported is what runs.

Every case is scored once: each process takes every n-th case, and the rows are gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed
from torch.utils.data import Dataset

from tumorseg.devices import Device
from tumorseg.modelfile import Model
from tumorseg.network import UNet3D
from tumorseg.other_half import with_other_half
from tumorseg.pipeline import labels_of
from tumorseg.predictor import predict
from tumorseg.regions import region_mask
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.loss import loss_of_sums, region_sums
from tumorseg_training.metrics import dice
from tumorseg_training.paper_metrics import paper_metrics
from tumorseg_training.patches import normalised
from tumorseg_training.recipe import Recipe
from tumorseg_training.run_model import model_spec
from tumorseg_training.training_case import TrainingCase

LARGEST_LOGIT = 15.0
"""Probabilities are kept as far from 0 and 1 as float32 can tell, where their logarithm is taken."""


@dataclass(frozen=True)
class CaseRow:
    """Scores of one case by column name; a region without truth has none."""

    name: str
    values: dict[str, float]


class ValidationShard(Dataset[list[TrainingCase]]):
    """The cases of one process: every n-th, in as many batches on every process, the last of which may be empty.

    Lightning's sampler would give some cases to two processes instead, and count them twice.
    """

    def __init__(self, cases: Sequence[TrainingCase], process: int, processes: int) -> None:
        self.cases = list(cases)[process::processes]
        self.length = -(-len(cases) // processes)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> list[TrainingCase]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return self.cases[index : index + 1]


def validate(case: TrainingCase, network: UNet3D, recipe: Recipe, device: torch.device) -> CaseRow:
    """Segment a case with the engine and score it on its brain crop."""
    images, truth = case.load()
    crop = normalised(images, case.channels, recipe.normalisation).astype(np.float32)
    brain = (np.asarray(images) != 0).any(axis=0)
    if recipe.other_half:
        crop = with_other_half(crop, brain, (recipe.spacing,) * 3)
    model = Model(model_spec(recipe), network, sha256="")
    with torch.autocast(device.type, enabled=False):  # the engine's number format, not the training's
        prediction = predict(model, crop, Device(str(device), "The device of the training."))
    network.to(device)  # the engine goes down to the CPU when memory runs out
    probabilities = prediction.probabilities * brain
    labels = labels_of(probabilities, model.spec, Geometry(truth.shape, spacing=model.spec.spacing))
    values = _dice_columns(labels, truth, recipe.regions, case.undivided)
    loss = _loss(torch.from_numpy(probabilities), truth, recipe, case.undivided)
    return CaseRow(case.name, {**values, "validation_loss": loss, **paper_metrics(labels, truth, recipe.regions)})


def all_rows(rows: list[CaseRow]) -> list[CaseRow]:
    """The rows of all processes, by name; the same list on every process."""
    gathered: list[Any] = [rows]
    if distributed.is_available() and distributed.is_initialized():
        gathered = [None] * distributed.get_world_size()
        distributed.all_gather_object(gathered, rows)
    return sorted((row for part in gathered for row in part), key=lambda row: row.name)


def summary(rows: Sequence[CaseRow]) -> dict[str, float]:
    """Mean of each column over the cases that have it, and the mean over the regions of Dice and of nothing's Dice."""
    columns = dict.fromkeys(column for row in rows for column in row.values)
    means = {column: float(np.mean([row.values[column] for row in rows if column in row.values])) for column in columns}
    for kind, name in (("dice_", "dice_mean"), ("nothing_dice_", "nothing_dice_mean")):
        regions = [value for column, value in means.items() if column.startswith(kind)]
        if regions:
            means[name] = float(np.mean(regions))
    return means


def _dice_columns(labels: LabelArray, truth: LabelArray, regions: Sequence[str], undivided: bool) -> dict[str, float]:
    values = {}
    for region in regions:
        if undivided and region != "WT":
            continue
        true = region_mask(truth, region)
        values[f"dice_{region}"] = dice(region_mask(labels, region), true)
        values[f"nothing_dice_{region}"] = dice(np.zeros_like(true), true)
    return values


def _loss(probabilities: Tensor, truth: LabelArray, recipe: Recipe, undivided: bool) -> float:
    """The recipe's loss of one case, of this process alone."""
    logits = torch.logit(probabilities).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
    masks = np.stack([region_mask(truth, region) for region in recipe.regions]).astype(np.float32)
    known = [[not undivided or region == "WT" for region in recipe.regions]]
    sums = region_sums(logits[None], torch.from_numpy(masks)[None], torch.tensor(known))
    return float(loss_of_sums(sums, recipe.loss, recipe.entropy_weight))
