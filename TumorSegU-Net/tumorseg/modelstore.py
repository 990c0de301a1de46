"""The models that can be named: the shipped ones and those a user installed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import ModelError
from tumorseg.modelfile import ModelSpec, read_spec

DEFAULT_MODEL = "glioma-first"

_PACKAGE = Path(__file__).resolve().parent
SHIPPED_FOLDERS = (_PACKAGE.parent / "Resources" / "Models", _PACKAGE / "Models")
"""Beside the package in 3D Slicer and in a checkout, inside it in an installed wheel."""


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
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size


def user_folder() -> Path:
    """Where installed models lie: ``TUMORSEG_MODELS`` or ``~/.tumorseg/models``."""
    return Path(os.environ.get("TUMORSEG_MODELS") or Path.home() / ".tumorseg" / "models")


def list_models() -> list[ModelEntry]:
    """All models, shipped ones first; files that cannot be used are left out. Needs no torch."""
    entries: dict[str, ModelEntry] = {}
    for folder in (*SHIPPED_FOLDERS, user_folder()):
        for path in sorted(folder.glob("*.safetensors")):
            try:
                spec = read_spec(path)
            except ModelError:
                continue
            entries.setdefault(spec.name, ModelEntry(spec.name, path, spec))
    return list(entries.values())


def find_model(name: str | None = None) -> Path:
    """The file of a model given by name or by path; the default model for None.

    Raises:
        ModelError: there is none.
    """
    wanted = name or DEFAULT_MODEL
    if wanted.endswith(".safetensors"):
        path = Path(wanted)
        if not path.is_file():
            raise ModelError(f"The model file {wanted} does not exist; check the path.")
        return path
    for entry in list_models():
        if entry.name == wanted:
            return entry.path
    known = ", ".join(entry.name for entry in list_models()) or "none is installed"
    raise ModelError(f"There is no model {wanted}; known models: {known}; or give the path of a .safetensors file.")
