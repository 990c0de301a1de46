"""The files of a run folder, and what is written into it before training."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.images import check_folder
from tumorseg_training import __version__
from tumorseg_training.documents import Document, read_document, write_document
from tumorseg_training.recipe import AUTO, PRECISIONS, Recipe
from tumorseg_training.recipe_file import recipe_values
from tumorseg_training.split import Split

RECIPE_FILE = "recipe.json"
SPLIT_FILE = "split.json"
ENVIRONMENT_FILE = "environment.json"
PLAN_FILE = "plan.json"
METRICS_FILE = "metrics.csv"
LAST_CHECKPOINT = "last.ckpt"
PREVIOUS_CHECKPOINT = "previous.ckpt"
BEST_CHECKPOINT = "best.ckpt"
TENSORBOARD_FOLDER = "tensorboard"
MODEL_FILE = "model.safetensors"
EVALUATION_FOLDER = "evaluation"

_PACKAGES = ("torch", "lightning", "monai", "numpy", "scipy", "SimpleITK")


def describe_run(recipe: Recipe, split: dict[str, Any], run: Path) -> None:
    """Write what will be done, or check that an existing run folder means the same run.

    Raises:
        BadInputError: the folder holds another run; the sentence names what differs.
    """
    check_folder(run)
    for name, values in ((RECIPE_FILE, recipe_values(recipe)), (SPLIT_FILE, split)):
        path = run / name
        if path.exists() and (told := _differences(read_run_document(path), values)):
            raise BadInputError(f"{run} holds a run with another {path.stem} ({told}); name a new folder with --run.")
        write_document(path, values)


def split_values(prepared: Path, split: Split) -> dict[str, Any]:
    """What ``split.json`` of a run says: where the cases lie, who trains, validates and is kept for the test."""
    return json.loads(json.dumps({"prepared": str(prepared.resolve()), **asdict(split)}))


def environment(device: str, processes: int, precision: str) -> dict[str, Any]:
    """Versions and hardware of the run, without names of persons or machines."""
    import torch  # what only looks for a run's files needs none

    return {
        "tumorseg_training": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in _PACKAGES},
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "precision": precision,
        "processes": processes,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def read_run_document(path: Path) -> Document:
    """Read a JSON file of a run folder.

    Raises:
        BadInputError: it is not there or damaged.
    """
    return read_document(path, None, "restore it or name a new folder with --run")


def with_precision_of(run: Path, recipe: Recipe) -> Recipe:
    """The recipe with the precision of a run that goes on, where the recipe leaves the choice: it may be continued on
    another device, but its weights shall not change their number format half way.

    Raises:
        BadInputError: the recipe of the run is damaged.
    """
    path = run / RECIPE_FILE
    if recipe.precision != AUTO or not path.is_file():
        return recipe
    known = read_run_document(path).get("precision")
    return replace(recipe, precision=known) if known in PRECISIONS else recipe


def _differences(known: Document, values: Document) -> str:
    """Entries that differ, with the old and the new value where these are short; the data may have been moved."""
    every = [name for name in dict.fromkeys([*known, *values]) if name != "prepared"]
    names = [name for name in every if known.get(name) != values.get(name)]
    told = []
    for name in names:
        old, new = known.get(name), values.get(name)
        plain = not isinstance(old, (dict, list)) and not isinstance(new, (dict, list))
        told.append(f"{name} was {old}, now {new}" if plain else name)
    return ", ".join(told)
