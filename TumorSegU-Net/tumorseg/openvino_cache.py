"""Networks that OpenVINO compiled, kept on disk for the next process.

OpenVINO's own cache (``CACHE_DIR``) is not used: it looks at the head of a file only, and a page that was damaged among
the weights gives another tumor without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openvino

from tumorseg import openvino_network
from tumorseg.cache_folder import cache_folder, drop_oldest
from tumorseg.checked_file import read_checked, write_checked
from tumorseg.modelfile import Model

if TYPE_CHECKING:
    from openvino import CompiledModel, Core

CACHED_BYTES = 2**29
"""Of compiled networks that are kept: some dozens of ours."""

_BUILDER = Path(openvino_network.__file__).read_bytes()
"""Another graph of the same weights is another network; read at once, since an update may replace the file later."""

Settings = Mapping[str, Any]


def cached_file(core: Core, model: Model, settings: Settings) -> Path | None:
    """Where a compiled network is kept, named after all that it depends on; None where nothing can be kept."""
    folder = cache_folder()
    if folder is None:
        return None
    processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    facts = repr((model.sha256, _BUILDER, openvino.__version__, processor, sorted(settings.items())))
    return folder / "openvino" / f"{hashlib.sha256(facts.encode()).hexdigest()[:32]}.blob"


def load_network(core: Core, file: Path, settings: Settings) -> CompiledModel | None:
    """A network that was kept; None where there is none, it was damaged, or OpenVINO does not take it."""
    content = read_checked(file)
    if content is not None:
        with suppress(RuntimeError):
            return core.import_model(content, "CPU", settings)
    return None


def keep_network(network: CompiledModel, file: Path) -> None:
    """Write a network for the next process, and drop those that were not used for longest; failing is no matter."""
    content = BytesIO()
    with suppress(OSError, RuntimeError):
        network.export_model(content)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_checked(file, content.getvalue())
        drop_oldest(file.parent, CACHED_BYTES)
