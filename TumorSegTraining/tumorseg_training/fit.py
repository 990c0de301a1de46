"""Fit a network: Lightning's trainer over random patches, averaged weights, a run folder that says what was done.

A run folder holds ``recipe.json``, ``cases.json`` (who trained, who was held out), ``metrics.csv`` (what was trained
after going on from step n: ``from_step_n/metrics.csv``), ``last.ckpt`` and at the end ``model.safetensors``.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.images import check_folder
from tumorseg.modelfile import ModelCard, ModelSpec, PostProcessing, save_model
from tumorseg_training.cache import CachedCase, prepare
from tumorseg_training.cases import LabelledCase, check_names, find_labelled_cases
from tumorseg_training.module import SegmentationModule
from tumorseg_training.patches import PatchDataset
from tumorseg_training.recipe import Recipe

LAST_CHECKPOINT = "last.ckpt"
MODEL_FILE = "model.safetensors"


def fit(recipe: Recipe, data: Sequence[Path], run: Path, hold_out: Collection[str] = (), workers: int = 0) -> Path:
    """Train on the cases of the data folders and write ``run/model.safetensors``.

    An interrupted run goes on from its last checkpoint; a finished one is left as it is.

    Args:
        recipe: what to train.
        data: folders of labelled cases; each is drawn equally often.
        run: run folder.
        hold_out: names of cases that must not be trained on.
        workers: processes that prepare patches.

    Returns:
        The model file.

    Raises:
        BadInputError: data that cannot be used, names that no case has, or a run folder that holds another run.
        KeyboardInterrupt: stopped by the user.
    """
    if workers < 0:
        raise BadInputError(f"--workers must not be negative, got {workers}.")
    found = [find_labelled_cases(folder) for folder in data]
    check_names(hold_out, [case for cases in found for case in cases])
    groups = [_without(cases, folder, hold_out) for cases, folder in zip(found, data, strict=True)]
    _describe_run(recipe, groups, hold_out, run)
    if (run / MODEL_FILE).exists():
        return run / MODEL_FILE
    done = _steps_done(run)
    if done < recipe.steps:
        cached = [prepare(group, run.parent / "cache", recipe.channels) for group in groups]
        _train(recipe, cached, run, workers, done)
    save_model(run / MODEL_FILE, _model_spec(recipe, groups), _averaged_weights(run))
    return run / MODEL_FILE


def _without(cases: list[LabelledCase], folder: Path, hold_out: Collection[str]) -> list[LabelledCase]:
    kept = [case for case in cases if case.name not in hold_out]
    if not kept:
        raise BadInputError(f"Every case in {folder} is held out; hold out fewer or leave the folder away.")
    return kept


def _describe_run(recipe: Recipe, groups: Sequence[Sequence[LabelledCase]], held: Collection[str], run: Path) -> None:
    """Write what will be done, or check that an existing run folder means the same run."""
    check_folder(run)
    descriptions = {
        "recipe.json": asdict(recipe),
        "cases.json": {"trained": [[case.name for case in group] for group in groups], "held_out": sorted(held)},
    }
    for name, values in descriptions.items():
        text = json.dumps(values, indent=1)
        path = run / name
        if path.exists() and path.read_text() != text:
            raise BadInputError(f"{run} holds a run with another {path.stem}; name a new folder with --run.")
        with atomic_path(path) as temporary:
            temporary.write_text(text)


def _steps_done(run: Path) -> int:
    """Optimiser steps up to the last checkpoint."""
    last = run / LAST_CHECKPOINT
    return int(torch.load(last, weights_only=True)["global_step"]) if last.exists() else 0


def _averaged_weights(run: Path) -> dict[str, torch.Tensor]:
    """State dict of the network, averaged over the steps: what Lightning's averaging stores as ``state_dict``."""
    state = torch.load(run / LAST_CHECKPOINT, weights_only=True, map_location="cpu")["state_dict"]
    prefix = "network."
    return {name.removeprefix(prefix): weights for name, weights in state.items() if name.startswith(prefix)}


def _train(recipe: Recipe, cached: Sequence[Sequence[CachedCase]], run: Path, workers: int, done: int) -> None:
    """Train from the last checkpoint, ``done`` steps, to a checkpoint of the last step."""
    _quiet_lightning()
    seed_everything(recipe.seed, workers=True, verbose=False)
    module = SegmentationModule(recipe)
    patches = PatchDataset(cached, recipe, first=done * recipe.batch_size)
    loader = DataLoader(patches, batch_size=recipe.batch_size, num_workers=workers)
    trainer = Trainer(
        max_steps=recipe.steps,
        precision=recipe.precision,  # type: ignore[arg-type]
        default_root_dir=run,
        # The logger starts its file anew, so a resumed run gets one of its own.
        logger=CSVLogger(run, name="", version=f"from_step_{done}" if done else ""),
        callbacks=_callbacks(recipe, run),
        log_every_n_steps=min(10, recipe.steps),
        gradient_clip_val=12.0,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
    )
    last = run / LAST_CHECKPOINT
    try:
        trainer.fit(module, loader, ckpt_path=last if done else None, weights_only=True)
    except SystemExit as stopped:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from stopped
    trainer.save_checkpoint(last, weights_only=False)  # all of the state, so that it could go on


def _quiet_lightning() -> None:
    """Leave out Lightning's advertisements and its warnings of what is meant to be.

    The run folder exists already, and ``PatchDataset`` goes on where an interrupted run stopped.
    """
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")


def _callbacks(recipe: Recipe, run: Path) -> list[Callback]:
    interval = max(1, min(100, recipe.steps // 2))
    return [
        EMAWeightAveraging(decay=recipe.ema_decay),
        ModelCheckpoint(run, filename="last", every_n_train_steps=interval, enable_version_counter=False),
    ]


def _model_spec(recipe: Recipe, groups: Sequence[Sequence[LabelledCase]]) -> ModelSpec:
    return ModelSpec(
        name=recipe.name,
        version="0",
        architecture=recipe.network.to_dict(),
        channels=recipe.channels,
        regions=recipe.regions,
        patch_size=recipe.patch_size,
        postprocessing=PostProcessing(thresholds=(0.5,) * len(recipe.regions)),
        card=ModelCard(title=f"{recipe.name} (not evaluated)"),
        training={
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "cases": [case.name for group in groups for case in group],
            "torch": torch.__version__,
        },
    )
