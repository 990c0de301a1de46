"""Fit a network: Lightning's trainer over patches of prepared cases, in a run folder that says what was done.

``docs/training.md`` describes the files of a run folder. The command goes on where it was stopped: an epoch is trained
as a whole, from the last checkpoint on, with the samples that it would have had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import seed_everything
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from tumorseg.allocator import keep_freed_memory
from tumorseg.errors import BadInputError
from tumorseg.modelfile import save_model
from tumorseg_training.checkpoint_file import newest_checkpoint, read_checkpoint
from tumorseg_training.documents import write_document
from tumorseg_training.epoch_table import EpochTable, nothing_found
from tumorseg_training.hardware import Hardware, is_first_process
from tumorseg_training.initial import Initial, initial_model, initial_notes, mixed_with_initial
from tumorseg_training.module import SegmentationModule
from tumorseg_training.plan import make_plan
from tumorseg_training.prepared import load_prepared
from tumorseg_training.recipe import Recipe
from tumorseg_training.recipe_file import recipe_values
from tumorseg_training.run_folder import (
    BEST_CHECKPOINT,
    ENVIRONMENT_FILE,
    MODEL_FILE,
    PLAN_FILE,
    describe_run,
    environment,
    read_run_document,
    split_values,
    with_precision_of,
)
from tumorseg_training.run_model import model_spec, network_weights
from tumorseg_training.speed import convolution_warning
from tumorseg_training.split import load_split
from tumorseg_training.trainer_setup import make_trainer, say
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.training_data import TrainingData, check_shares, training_cases


def fit(recipe: Recipe, prepared: Path, fold: int, run: Path, hardware: Hardware | None = None) -> Path:
    """Train on a fold of a prepared folder and write ``run/model.safetensors``.

    An interrupted run goes on from its last checkpoint; a finished one is left as it is. With several processes each
    one calls this; the first one writes.

    Args:
        recipe: what to train.
        prepared: folder of ``tumorseg-train prepare``.
        fold: whose validation cases are held out; the test cases always are.
        run: run folder.
        hardware: where to run.

    Returns:
        The model file.

    Raises:
        BadInputError: data that cannot be used, a run folder that holds another run, a loss that is not a number.
        OutOfMemoryError: a step does not fit into the memory of the device.
        KeyboardInterrupt: stopped by the user.
    """
    keep_freed_memory()
    hardware = (hardware or Hardware()).resolved()
    recipe = hardware.with_precision(with_precision_of(run, recipe))
    hardware.check(recipe)
    data = load_prepared(prepared)
    split = load_split(prepared, fold)
    groups = training_cases(data, recipe, split.train, rank_zero_warn)
    validation = [case for group in training_cases(data, recipe, split.validation, rank_zero_warn) for case in group]
    if not groups:
        raise BadInputError(f"Fold {fold} of {prepared} has no case to train on; prepare more cases or fewer folds.")
    if not validation and (recipe.schedule == "plateau" or recipe.early_stopping):
        raise BadInputError(
            f"Fold {fold} of {prepared} has no validation cases, but the recipe {recipe.name} has a plateau schedule "
            "or early stopping; prepare more folds, or choose another schedule and early_stopping = 0."
        )
    check_shares(recipe, groups)
    initial = initial_model(recipe)
    notes = [*initial_notes(recipe, initial, split), *hardware.notes(recipe)]
    first = is_first_process()
    described = split_values(prepared, split)
    if first:
        describe_run(recipe, described, run)
    if (run / MODEL_FILE).exists():
        return run / MODEL_FILE
    if first:
        _announce(recipe, groups, validation, hardware, run, notes)
    _train(recipe, groups, validation, hardware, run, initial.weights)
    if first:
        _write_model(recipe, described, initial, run, notes, validated=bool(validation))
    return run / MODEL_FILE


def _announce(
    recipe: Recipe,
    groups: list[list[TrainingCase]],
    validation: list[TrainingCase],
    hardware: Hardware,
    run: Path,
    notes: list[str],
) -> None:
    """Print and keep the plan, and what is known beforehand to go badly."""
    # Before the plan, which times a whole step: with slow convolutions that alone takes minutes.
    if slow := convolution_warning(recipe, hardware.accelerator):
        say(f"Warning: {slow}")
    plan = make_plan(recipe, groups, validation, hardware, run)
    warnings = [*notes, *plan.warnings()]
    write_document(run / PLAN_FILE, {**plan.values(), "warnings": warnings})
    write_document(run / ENVIRONMENT_FILE, environment(hardware.accelerator, hardware.processes, recipe.precision))
    say(plan.text())
    for sentence in warnings:
        say(f"Warning: {sentence}")


def _train(
    recipe: Recipe,
    groups: list[list[TrainingCase]],
    validation: list[TrainingCase],
    hardware: Hardware,
    run: Path,
    initial: dict[str, Tensor],
) -> None:
    """Train from the newest checkpoint to the end of the recipe."""
    found = newest_checkpoint(run)
    if found and _finished(found[1], recipe):
        return
    seed_everything(recipe.seed, workers=True, verbose=False)
    steps = recipe.epochs * recipe.steps(sum(map(len, groups)))
    module = SegmentationModule(recipe, steps)
    if initial:
        module.network.load_state_dict(initial)
    on_device = hardware.accelerator != "cpu"
    data = TrainingData(recipe, groups, validation, hardware.workers or 0, on_device)
    trainer = make_trainer(recipe, run, hardware, validated=bool(validation))
    try:
        trainer.fit(module, data, ckpt_path=found[0] if found else None, weights_only=True)
    except SystemExit as stopped:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from stopped
    if trainer.current_epoch < recipe.epochs and is_first_process():
        say(f"Ended early: {recipe.early_stopping} validations in a row did not lower the validation loss.")


def _finished(checkpoint: dict[str, Any], recipe: Recipe) -> bool:
    """Whether a checkpoint is of the end of a run: of its last epoch, or of an early stop."""
    stops = (state.get("stopped_epoch", 0) for state in checkpoint["callbacks"].values())
    return checkpoint["epoch"] + 1 >= recipe.epochs or any(stops)


def _nothing_found(checkpoint: dict[str, Any]) -> list[str]:
    """What is to be said of the validations of a run, from its last checkpoint."""
    told = nothing_found(checkpoint["callbacks"].get(EpochTable.__qualname__, {}).get("rows", []))
    return [told] if told else []


def _write_model(
    recipe: Recipe, split: dict[str, Any], initial: Initial, run: Path, notes: list[str], validated: bool
) -> None:
    """The weights that the recipe keeps, as a model file that says where they come from."""
    found = newest_checkpoint(run)
    if found is None:
        raise BadInputError(f"{run} has no checkpoint; train it again.")
    best, wanted = run / BEST_CHECKPOINT, validated and recipe.keep == "best"
    checkpoint = read_checkpoint(best) if wanted and best.exists() else found[1]
    lost = f"{BEST_CHECKPOINT} is not there, so these are the last weights, not the best ones."
    doubts = [lost] if wanted and not best.exists() else []
    doubts += _nothing_found(found[1])
    for sentence in doubts:
        say(f"Warning: {sentence}")
    notes = [*notes, *doubts]
    training = {
        # Weights are passed on: they do not tell where their owner's data and models lie.
        "recipe": {**recipe_values(recipe), "initial": Path(recipe.initial).name},
        "split": {name: value for name, value in split.items() if name != "prepared"},
        "environment": read_run_document(run / ENVIRONMENT_FILE),
        "epoch": checkpoint["epoch"],
        "step": checkpoint["global_step"],
        **({"initial": initial.training} if initial.training else {}),
        **({"notes": notes} if notes else {}),
    }
    weights = mixed_with_initial(network_weights(checkpoint), initial.weights, recipe.initial_share)
    save_model(run / MODEL_FILE, model_spec(recipe, training), weights)
