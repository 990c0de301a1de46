"""Recipes: everything that decides a training run, read from TOML presets and overridden on the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.network import PRESETS, UNet3DConfig
from tumorseg_training.toml_file import TOMLDecodeError, read_toml


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Attributes:
        name: of the preset.
        network: configuration of the network.
        channels: sequences, in the network's input order.
        regions: output regions.
        patch_size: (z, y, x) voxels.
        batch_size: patches per step.
        steps: optimiser steps in all.
        learning_rate: peak of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        foreground: share of patches that are centred on a tumor voxel, its label drawn uniformly.
        ema_decay: decay of the averaged weights that are exported.
        intensity: largest relative change of scale, and shift in standard deviations, per channel and patch.
        precision: Lightning's name of the number format, e.g. ``bf16-mixed`` or ``32-true``.
        seed: of every random choice.
    """

    name: str
    network: UNet3DConfig
    channels: tuple[str, ...] = ("t1", "t1ce", "t2", "flair")
    regions: tuple[str, ...] = ("WT", "TC", "ET")
    patch_size: tuple[int, int, int] = (96, 96, 96)
    batch_size: int = 1
    steps: int = 2000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    foreground: float = 0.7
    ema_decay: float = 0.995
    intensity: float = 0.15
    precision: str = "bf16-mixed"
    seed: int = 0


def preset_names() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("tumorseg_training") / "recipes"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str, **overrides: Any) -> Recipe:
    """Read a preset by name, or a TOML file by path; overrides that are None are ignored.

    Raises:
        BadInputError: unknown preset, unreadable file or unknown entries.
    """
    path = Path(name)
    source = path if path.suffix == ".toml" else resources.files("tumorseg_training") / "recipes" / f"{name}.toml"
    try:
        values = read_toml(source.read_text(encoding="utf-8"))
        recipe = _parse(Path(name).stem, values)
    except OSError as error:
        known = ", ".join(preset_names())
        raise BadInputError(f"There is no recipe {name}; use one of {known} or a .toml file.") from error
    except (TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise BadInputError(f"The recipe {name} cannot be used: {error}.") from error
    return replace(recipe, **{key: value for key, value in overrides.items() if value is not None})


def _parse(name: str, values: dict[str, Any]) -> Recipe:
    network_values = values.pop("network", {})
    preset = PRESETS[network_values.pop("preset", "default")]
    network = UNet3DConfig.from_dict({**preset.to_dict(), **network_values})
    return Recipe(name=name, network=network, **values)
