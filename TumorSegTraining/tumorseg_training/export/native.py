"""The native model file: one network or an ensemble, for the engine and 3D Slicer."""

from __future__ import annotations

from pathlib import Path

from tumorseg.modelfile import save_model
from tumorseg.network import member_name
from tumorseg_training.export.source import ExportSource


def write_native(source: ExportSource, output: Path) -> None:
    """Write a ``.safetensors`` file.

    Raises:
        ModelError: rules that do not fit the model, or weights that are not finite.
    """
    if len(source.states) == 1:
        save_model(output, source.spec, source.states[0])
        return
    state = {
        f"{member_name(number)}.{name}": tensor
        for number, member in enumerate(source.states)
        for name, tensor in member.items()
    }
    save_model(output, source.spec, state)
