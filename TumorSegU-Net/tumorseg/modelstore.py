"""The models that can be named: the shipped ones, and those a user installs and removes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorseg.download import Transfer, fetch, file_name
from tumorseg.errors import ModelError
from tumorseg.forgotten import remove_forgotten
from tumorseg.modelfile import ModelCard, ModelSpec, file_sha256, read_spec
from tumorseg.safetensors_file import read_tensors

DEFAULT_MODEL = "glioma"

_PACKAGE = Path(__file__).resolve().parent
SHIPPED_FOLDERS = (_PACKAGE.parent / "Resources" / "Models", _PACKAGE / "Models")
"""Beside the package in 3D Slicer and in a checkout, inside it in an installed wheel."""

EXTENSION = ".safetensors"

FOLDER_VARIABLE = "TUMORSEG_MODELS"
"""Environment variable that names another store folder."""

_ARRIVING_PREFIX = ".installing-"
"""Of the folders in the store that hold a file until it is checked."""

# Names become file names, on Windows too.
_FILE_NAME = re.compile(r"(?!(con|prn|aux|nul|com\d|lpt\d)(\.|$))[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelEntry:
    """A model file that can be used by name."""

    name: str
    path: Path
    spec: ModelSpec

    @property
    def title(self) -> str:
        """What the user reads in a list."""
        return self.spec.card.title

    @property
    def card(self) -> ModelCard:
        """What a person should know before trusting the model."""
        return self.spec.card

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size

    @property
    def measured(self) -> tuple[str, ...]:
        """Measured accuracy, one sentence per data set; empty when nobody measured."""
        return self.spec.card.measured

    @property
    def shipped(self) -> bool:
        """Whether it came with the program and cannot be removed."""
        return self.path.parent in SHIPPED_FOLDERS

    @property
    def origin(self) -> str:
        """``shipped`` or ``installed``."""
        return "shipped" if self.shipped else "installed"


def store_folder() -> Path:
    """Where installed models lie: ``TUMORSEG_MODELS`` or ``~/.tumorseg/models``; need not exist.

    Raises:
        ModelError: this account has no home folder, as in some containers.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    try:
        return Path(named).expanduser() if named else Path.home() / ".tumorseg" / "models"
    except RuntimeError as error:
        raise ModelError(f"The folder of models is not known ({error}); name one with {FOLDER_VARIABLE}.") from error


def list_models() -> list[ModelEntry]:
    """All models, shipped ones first; files that cannot be used are left out. Needs no torch."""
    return list(_scan()[0].values())


def unused_files() -> list[str]:
    """Why a file in the store is not among the models: one sentence each."""
    return _scan()[1]


def find_model(name: str | os.PathLike[str] | None = None) -> Path:
    """The file of a model given by name or by path; the default model for None.

    Raises:
        ModelError: there is none.
    """
    wanted = os.fspath(name) if name else DEFAULT_MODEL
    if wanted.endswith(EXTENSION):
        path = Path(wanted)
        if not path.is_file():
            raise ModelError(f"The model file {wanted} does not exist; check the path.")
        return path
    entries = {entry.name: entry for entry in list_models()}
    if wanted in entries:
        return entries[wanted].path
    known = ", ".join(entries) or "none is installed"
    raise ModelError(f"There is no model {wanted}; known models: {known}; or give the path of a .safetensors file.")


def checksum(text: str) -> str | None:
    """A published SHA-256, with or without ``sha256:`` before it, as 64 small hexadecimal digits; None for the rest."""
    digits = text.strip().lower().removeprefix("sha256:").strip()
    return digits if _SHA256.fullmatch(digits) else None


def install(
    source: str | Path,
    sha256: str | None = None,
    progress: Transfer | None = None,
    check: Callable[[Path], object] | None = None,
) -> ModelEntry:
    """Put a model file into the store; it is there completely and checked, or not at all. Executes nothing of it.

    Args:
        source: a path or an https address.
        sha256: what the file's SHA-256 must be, as ``checksum`` reads it.
        progress: is told the bytes so far and in all (or None).
        check: a further check of the file that raises ``ModelError``, e.g. ``load_model``, which needs torch.

    Returns:
        The installed model; the one that was there when it is the same file.

    Raises:
        ModelError: it cannot be had, is not what its SHA-256 says, cannot be used, or another model has its name.
    """
    expected = None if sha256 is None else checksum(sha256)
    if sha256 is not None and expected is None:
        raise ModelError(f'"{sha256}" is not a SHA-256: it must have 64 hexadecimal digits.')
    folder = store_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_forgotten(folder, _ARRIVING_PREFIX)
        # A folder beside the models, so that the file keeps its name in messages and moves into place at once.
        with tempfile.TemporaryDirectory(prefix=_ARRIVING_PREFIX, dir=folder, ignore_cleanup_errors=True) as temporary:
            arriving = Path(temporary) / _safe_name(str(source))
            found = fetch(str(source), arriving, progress)
            if expected and found != expected:
                raise ModelError(f"{source} is not the expected file: its SHA-256 is {found}; nothing was installed.")
            spec = _checked(arriving)
            if check:
                check(arriving)
            return _put_in_place(arriving, spec, found, folder)
    except OSError as error:
        raise ModelError(
            f"The model cannot be installed in {folder} ({error.strerror or error}); free space there, "
            "or name another folder with TUMORSEG_MODELS."
        ) from error


def remove(name: str) -> None:
    """Delete an installed model.

    Raises:
        ModelError: there is none of that name, it is a shipped one, or the system refuses (on Windows a file that is
            being read cannot be deleted).
    """
    entries = {entry.name: entry for entry in list_models()}
    if name not in entries:
        installed = ", ".join(entry.name for entry in entries.values() if not entry.shipped) or "none"
        raise ModelError(f"There is no model {name}; installed models: {installed}.")
    if entries[name].shipped:
        raise ModelError(f"The model {name} came with TumorSegU-Net and cannot be removed.")
    try:
        entries[name].path.unlink()
    except OSError as error:
        raise ModelError(
            f"{entries[name].path} cannot be deleted ({error.strerror}); wait until no run uses it, and try again."
        ) from error


def _scan() -> tuple[dict[str, ModelEntry], list[str]]:
    """The models by name, and a sentence on each file that is none of them."""
    entries: dict[str, ModelEntry] = {}
    unused: list[str] = []
    for path in _model_files():
        try:
            spec = read_spec(path)
        except ModelError as error:
            unused.extend(error.problems)
            continue
        entry = entries.setdefault(spec.name, ModelEntry(spec.name, path, spec))
        if entry.path != path:
            unused.append(
                f"{path.name} ({spec.name} {spec.version}) is not used: {entry.path.name} ({entry.origin}, version "
                f"{entry.spec.version}) has the same name; give its path to use it, or remove one of them."
            )
    return entries, unused


def _model_files() -> list[Path]:
    """Of the shipped folders and the store, as far as they can be looked into: the shipped model must always run."""
    paths = [path for folder in SHIPPED_FOLDERS for path in sorted(folder.glob(f"*{EXTENSION}"))]
    with suppress(ModelError, OSError):
        paths.extend(sorted(store_folder().glob(f"*{EXTENSION}")))
    return paths


def _safe_name(source: str) -> str:
    """What the file is called until it is in place, for messages; a server may name it anything."""
    return re.sub(r"[^\w.-]+", "_", file_name(source))[-60:].lstrip(".") or f"model{EXTENSION}"


def _checked(path: Path) -> ModelSpec:
    """The document of a file all of whose weights can be read and are numbers."""
    spec = read_spec(path)
    if not _FILE_NAME.fullmatch(spec.name):
        raise ModelError(f"The model in {path.name} is called {spec.name!r}, which cannot be the name of a file.")
    tensors = read_tensors(path)
    if not tensors or not all(np.isfinite(array).all() for array in tensors.values()):
        raise ModelError(f"The weights in {path.name} are missing or not finite numbers; get the file again.")
    return spec


def _put_in_place(arriving: Path, spec: ModelSpec, sha256: str, folder: Path) -> ModelEntry:
    known = {entry.name.lower(): entry for entry in list_models()}  # Windows and macOS do not tell capitals apart
    present = known.get(spec.name.lower())
    if present and file_sha256(present.path) == sha256:
        return present
    if present:
        remedy = "it cannot be replaced" if present.shipped else "remove it first"
        raise ModelError(
            f"Another model {present.name} ({present.origin}, version {present.spec.version}) is there already; "
            f"{remedy}."
        )
    target = folder / f"{spec.name}{EXTENSION}"
    if target.exists():
        raise ModelError(f"{target} is there already and is no model {spec.name}; rename or remove that file first.")
    os.replace(arriving, target)
    return ModelEntry(spec.name, target, spec)
