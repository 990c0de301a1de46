"""Recipes: everything that decides a training run, read from TOML presets and overridden on the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.network_config import PRESETS, UNet3DConfig
from tumorseg.regions import REGIONS
from tumorseg.sequences import SEQUENCES
from tumorseg_training.toml_file import TOMLDecodeError, read_toml

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Lightning's names of the number formats in which these networks are trained."""

MAX_SEED = 2**32 - 1
"""Of numpy's generators; Lightning takes 0 for anything above."""

_LIMITS = {
    "learning_rate": (1e-9, 1.0),
    "weight_decay": (0.0, 1.0),
    "foreground": (0.0, 1.0),
    "ema_decay": (0.0, 1.0),
    "intensity": (0.0, 1.0),
}


@dataclass(frozen=True)
class Recipe:
    """A training run; values that cannot be trained raise a ``ValueError`` that says so.

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
        precision: number format, one of ``PRECISIONS``.
        seed: of every random choice.
    """

    name: str
    network: UNet3DConfig
    channels: tuple[str, ...] = SEQUENCES
    regions: tuple[str, ...] = tuple(REGIONS)
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

    def __post_init__(self) -> None:
        _check_whole("steps", self.steps, 1)
        _check_whole("batch_size", self.batch_size, 1)
        _check_whole("seed", self.seed, 0, MAX_SEED)
        for name, (lowest, highest) in _LIMITS.items():
            _check_number(name, getattr(self, name), lowest, highest)
        _check_patch_size(self.patch_size, self.network.divisor)
        _check_channels(self.channels, self.network.in_channels)
        _check_regions(self.regions, self.network.out_channels)
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")


def preset_names() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("tumorseg_training") / "recipes"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str, **overrides: Any) -> Recipe:
    """Read a preset by name, or a TOML file by path; overrides that are None are ignored.

    Raises:
        BadInputError: unknown preset, unreadable file, unknown entries or values that cannot be trained.
    """
    path = Path(name)
    source = path if path.suffix == ".toml" else resources.files("tumorseg_training") / "recipes" / f"{name}.toml"
    try:
        values = read_toml(source.read_text(encoding="utf-8"))
        recipe = _parse(Path(name).stem, values)
        return replace(recipe, **{key: value for key, value in overrides.items() if value is not None})
    except OSError as error:
        known = ", ".join(preset_names())
        raise BadInputError(f"There is no recipe {name}; use one of {known} or a .toml file.") from error
    except (TOMLDecodeError, TypeError, ValueError) as error:
        raise BadInputError(f"The recipe {name} cannot be used: {error}.") from error


def _parse(name: str, values: dict[str, Any]) -> Recipe:
    network_values = values.pop("network", {})
    if not isinstance(network_values, dict):
        raise ValueError("[network] must be a table")
    preset = network_values.pop("preset", "default")
    if preset not in PRESETS:
        raise ValueError(f"there is no network {preset!r}; use one of {', '.join(PRESETS)}")
    network = UNet3DConfig.from_dict({**PRESETS[preset].to_dict(), **network_values})
    return Recipe(name=name, network=network, **values)


def _check_whole(name: str, value: object, lowest: int, highest: int | None = None) -> None:
    if not isinstance(value, int) or value < lowest or (highest is not None and value > highest):
        limits = f"from {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}")


def _check_number(name: str, value: object, lowest: float, highest: float) -> None:
    if not isinstance(value, (int, float)) or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a number from {lowest:g} to {highest:g}, got {value!r}")


def _check_patch_size(size: Any, divisor: int) -> None:
    whole = isinstance(size, tuple) and len(size) == 3 and all(isinstance(length, int) for length in size)
    if not whole or any(length < 1 or length % divisor for length in size):
        raise ValueError(f"patch_size must be three positive multiples of {divisor}, got {size!r}")


def _check_channels(channels: tuple[str, ...], inputs: int) -> None:
    if len(set(channels)) != len(channels) or not set(channels) <= set(SEQUENCES):
        raise ValueError(f"channels must be different ones of {', '.join(SEQUENCES)}, got {channels!r}")
    if len(channels) != inputs:
        raise ValueError(f"the network takes {inputs} input channels, but {len(channels)} are named")


def _check_regions(regions: tuple[str, ...], outputs: int) -> None:
    if regions not in (("WT",), tuple(REGIONS)):
        raise ValueError(f"regions must be [WT] or [{', '.join(REGIONS)}], got {regions!r}")
    if len(regions) != outputs:
        raise ValueError(f"the network makes {outputs} outputs, but {len(regions)} regions are named")
