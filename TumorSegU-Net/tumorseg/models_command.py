"""``tumorseg models``: list, show, install, remove."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tumorseg.errors import ModelError
from tumorseg.sequences import DISPLAY_NAMES


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the commands to the parser of ``tumorseg models``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="list all models").set_defaults(run=_run_list)
    show = commands.add_parser("show", help="print the card of a model")
    show.add_argument("model", nargs="?", help="name or .safetensors file")
    show.set_defaults(run=_run_show)
    install = commands.add_parser("install", help="add a model from a file or an https address")
    install.add_argument("source", metavar="FILE|URL", help="the .safetensors file")
    install.add_argument("--sha256", metavar="HASH", help="refuse any file but the one with this SHA-256")
    install.set_defaults(run=_run_install)
    remove = commands.add_parser("remove", help="delete an installed model")
    remove.add_argument("model", help="name")
    remove.set_defaults(run=_run_remove)


def _run_list(_: argparse.Namespace) -> int:
    from tumorseg.console import table
    from tumorseg.modelstore import DEFAULT_MODEL, list_models, unused_files

    entries = list_models()
    rows = [
        (
            f"{entry.name}{' (default)' if entry.name == DEFAULT_MODEL else ''}",
            entry.spec.version,
            f"{entry.size_bytes / 1e6:.1f} MB",
            entry.origin,
            entry.title,
        )
        for entry in entries
    ]
    print(table(("name", "version", "size", "origin", "title"), rows))
    for entry in entries:
        print("\n".join((f"{entry.name}:", *(f"  {line}" for line in entry.measured or ("not measured",)))))
    print("\n".join((_store_sentence(), *unused_files())))
    return 0


def _store_sentence() -> str:
    """Where installed models lie, or why that is not known: the shipped ones can be used all the same."""
    from tumorseg.modelstore import store_folder

    try:
        return f"Installed models lie in {store_folder()}"
    except ModelError as error:
        return str(error)


def _run_show(options: argparse.Namespace) -> int:
    from tumorseg.modelfile import file_sha256, read_spec
    from tumorseg.modelstore import find_model

    path = find_model(options.model)
    spec = read_spec(path)
    print("\n".join(filter(None, (spec.card.title, spec.card.description))))
    print(f"name: {spec.name} {spec.version}\nfile: {path}\nSHA-256: {file_sha256(path)}")
    if spec.members > 1:
        print(f"ensemble: the mean of {spec.members} networks")
    if spec.tta:
        print("averages over mirrored inputs, always")
    if spec.other_half:
        print("compares both halves of the brain")
    if spec.guides:
        print(f"outlines follow {', '.join(DISPLAY_NAMES[name] for name in spec.guides)} at their full resolution")
    print(f"input: {', '.join(DISPLAY_NAMES[name] for name in spec.channels)} at {spec.spacing} mm")
    for title in ("intended_use", "training_data", "measured", "limits", "licence", "attribution"):
        value = getattr(spec.card, title)
        lines = [value] if isinstance(value, str) else value
        if any(lines):
            print(f"{title.replace('_', ' ')}:")
            print("\n".join(f"  {line}" for line in lines))
    return 0


def _run_install(options: argparse.Namespace) -> int:
    from tumorseg.modelfile import file_sha256, load_model
    from tumorseg.modelstore import install

    def check(path: Path) -> None:
        load_model(path)

    try:
        entry = install(options.source, options.sha256, _show_transfer, check)
    finally:
        _clear_line()
    print(f"{entry.name} {entry.spec.version} is installed: {entry.path}\nSHA-256: {file_sha256(entry.path)}")
    return 0


def _run_remove(options: argparse.Namespace) -> int:
    from tumorseg.modelstore import remove

    remove(options.model)
    print(f"{options.model} was removed.")
    return 0


def _show_transfer(received: int, size: int | None) -> None:
    if sys.stderr.isatty():
        share = f" of {size / 1e6:.1f} MB, {100 * received / size:.0f} %" if size else " MB"
        sys.stderr.write(f"\r\x1b[K{received / 1e6:.1f}{share}")
        sys.stderr.flush()


def _clear_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
