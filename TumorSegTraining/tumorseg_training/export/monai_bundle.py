"""A MONAI bundle (https://docs.monai.io/en/stable/mb_specification.html): folder or zip."""

from __future__ import annotations

import json
from pathlib import Path

from tumorseg_training.export.bundle_inference import inference_config
from tumorseg_training.export.bundle_texts import licence, metadata, readme
from tumorseg_training.export.monai_network import calibrated_head, check_expressible, dynunet_state
from tumorseg_training.export.packing import Files, torch_bytes, write_folder, write_zip
from tumorseg_training.export.source import ExportSource


def write_monai_bundle(source: ExportSource, output: Path) -> None:
    """Write a bundle: a zip if the name of ``output`` ends in ``.zip``, else a folder.

    Raises:
        BadInputError: MONAI's networks cannot express the model.
    """
    check_expressible(source.spec)
    files = _files(source)
    if output.suffix.lower() == ".zip":
        write_zip(output, files, root=output.stem)
    else:
        write_folder(output, files)


def _files(source: ExportSource) -> Files:
    spec, config = source.spec, source.spec.network_config
    several = len(source.states) > 1
    names = [f"models/model{f'_{number}' if several else ''}.pt" for number in range(len(source.states))]
    weights = {
        name: torch_bytes(dynunet_state(config, calibrated_head(state, spec.postprocessing)))
        for name, state in zip(names, source.states, strict=True)
    }
    return {
        "LICENSE": licence(spec).encode(),
        "docs/README.md": readme(spec).encode(),
        "configs/metadata.json": _json(metadata(spec)),
        "configs/inference.json": _json(inference_config(spec, names)),
        **weights,
    }


def _json(document: dict[str, object]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
