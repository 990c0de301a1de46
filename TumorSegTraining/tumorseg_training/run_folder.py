"""The files of a run folder, and what is written into it before training."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.images import check_folder
from tumorseg_training import __version__
from tumorseg_training.documents import write_document
from tumorseg_training.recipe import Recipe
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
        if path.exists() and (told := _differences(read_json(path), values)):
            raise BadInputError(f"{run} holds a run with another {path.stem} ({told}); name a new folder with --run.")
        write_document(path, values)


def split_values(prepared: Path, split: Split) -> dict[str, Any]:
    """What ``split.json`` of a run says: where the cases lie, who trains, validates and is kept for the test."""
    return json.loads(json.dumps({"prepared": str(prepared.resolve()), **asdict(split)}))


def environment(device: str, processes: int) -> dict[str, Any]:
    """Versions and hardware of the run, without names of persons or machines."""
    import torch  # what only looks for a run's files needs none

    return {
        "tumorseg_training": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in _PACKAGES},
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "processes": processes,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Raises:
        BadInputError: it is damaged.
    """
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise BadInputError(f"{path} is damaged; restore it or name a new folder with --run.") from error


def _differences(known: Any, values: dict[str, Any]) -> str:
    """Entries that differ, with the old and the new value where these are short; the data may have been moved."""
    if not isinstance(known, dict):
        return "not a description"
    every = [name for name in dict.fromkeys([*known, *values]) if name != "prepared"]
    names = [name for name in every if known.get(name) != values.get(name)]
    told = []
    for name in names:
        old, new = known.get(name), values.get(name)
        plain = not isinstance(old, (dict, list)) and not isinstance(new, (dict, list))
        told.append(f"{name} was {old}, now {new}" if plain else name)
    return ", ".join(told)
