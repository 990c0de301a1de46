"""Recipes as TOML: the shipped presets, files of one's own, and entries replaced on the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.network_config import PRESETS, UNet3DConfig
from tumorseg_training.augment_recipe import Augmentation
from tumorseg_training.recipe import Recipe
from tumorseg_training.toml_file import TOMLDecodeError, read_toml

_KINDS = {int: "a whole number", str: "a word in quotes", tuple: "a list of whole numbers"}
"""What the entries of ``[network]`` are."""


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


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as JSON values."""
    return _lists(asdict(recipe))


def _parse(name: str, values: dict[str, Any]) -> Recipe:
    network_values = _table(values, "network")
    preset = network_values.pop("preset", "default")
    if preset not in PRESETS:
        raise ValueError(f"there is no network {preset!r}; use one of {', '.join(PRESETS)}")
    _check_network(network_values)
    network = UNet3DConfig.from_dict({**PRESETS[preset].to_dict(), **network_values})
    changes = _table(values, "augmentation")
    _check_names(changes, [entry.name for entry in fields(Augmentation)], " in [augmentation]")
    augmentation = Augmentation(**changes)
    shares = _table(values, "shares")
    if "name" in values:
        raise ValueError("a recipe is called as its file; leave the entry name away")
    _check_names(values, [entry.name for entry in fields(Recipe) if entry.name != "name"])
    return Recipe(name=name, network=network, augmentation=augmentation, shares=shares, **values)


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    table: Any = values.pop(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"[{name}] must be a table")
    return dict(table)


def _check_names(values: Mapping[str, Any], known: Collection[str], place: str = "") -> None:
    """Refuse entries that there are not, and name those that are alike, or all."""
    for name in values:
        if name not in known:
            alike = get_close_matches(name, known)
            meant = f"perhaps {' or '.join(alike)} is meant" if alike else f"use one of {', '.join(known)}"
            raise ValueError(f"there is no entry {name}{place}; {meant}")


def _check_network(values: Mapping[str, Any]) -> None:
    """Refuse entries of ``[network]`` that there are not, and values of another kind than that of the default."""
    default = PRESETS["default"]
    _check_names(values, ["preset", *(entry.name for entry in fields(default))], " in [network]")
    for name, value in values.items():
        kind = type(getattr(default, name))
        if type(value) is not kind or (kind is tuple and not all(type(width) is int for width in value)):
            raise ValueError(f"network.{name} must be {_KINDS[kind]}, got {value!r}")
    if values.get("decoder_blocks", 1) < 1:
        raise ValueError(f"network.decoder_blocks must be 1 or more, got {values['decoder_blocks']}")


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value
