"""``configs/metadata.json``, ``docs/README.md`` and ``LICENSE`` of a MONAI bundle, from the model's document."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from tumorseg.modelfile import ModelSpec
from tumorseg.regions import REGIONS, SEGMENTS, UNDIVIDED
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg_training import __version__

SCHEMA_URL = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
"""The schema that MONAI's model zoo uses."""

REQUIRED_PACKAGES = {"pytorch-ignite": "0.5.5", "nibabel": "5.4.2", "fire": "0.7.1", "scipy": "1.15.3"}
"""Beside MONAI: its evaluator, reader of NIfTI and command, and connected parts; versions that bundles ran with."""


def metadata(spec: ModelSpec) -> dict[str, Any]:
    """The metadata document."""
    card = spec.card
    return {
        "schema": SCHEMA_URL,
        "version": spec.version,
        "changelog": {spec.version: f"exported by TumorSegTraining {__version__}"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch"),
        "numpy_version": version("numpy"),
        "required_packages_version": REQUIRED_PACKAGES,
        "name": spec.name,
        "task": card.title,
        "description": card.description or card.title,
        "authors": "see docs/README.md",
        "copyright": card.licence or "see docs/README.md",
        "data_source": "; ".join(card.training_data),
        "data_type": "nifti",
        "image_classes": ", ".join(DISPLAY_NAMES[name] for name in spec.channels),
        "pred_classes": ", ".join(_label_names(spec).values()),
        "intended_use": card.intended_use,
        "references": list(card.attribution),
        "network_data_format": _data_format(spec),
    }


def _data_format(spec: ModelSpec) -> dict[str, Any]:
    patch = {
        "spatial_shape": list(spec.patch_size[::-1]),
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": True,
    }
    inputs = {str(place): DISPLAY_NAMES[name] for place, name in enumerate(spec.channels)}
    outputs = {str(place): f"logit of {name}" for place, name in enumerate(spec.regions)}
    image = {"type": "image", "format": "magnitude", "modality": "MR", "num_channels": len(inputs)}
    regions = {"type": "image", "format": "classes", "num_channels": len(outputs)}
    labels = {"type": "image", "format": "segmentation", "num_channels": 1}
    whole = {"spatial_shape": ["*", "*", "*"], "dtype": "uint8", "value_range": [], "is_patch_data": False}
    return {
        "inputs": {"image": {**image, **patch, "channel_def": inputs}},
        "outputs": {"pred": {**regions, **patch, "channel_def": outputs}},
        "post_processed_outputs": {"pred": {**labels, **whole, "channel_def": _label_names(spec)}},
    }


def _label_names(spec: ModelSpec) -> dict[str, str]:
    """Name of every label value in the result."""
    labels = REGIONS["WT"][:-1] if len(spec.regions) > 1 else (UNDIVIDED,)
    return {"0": "background", **{str(label): SEGMENTS[label].name for label in sorted(labels)}}


def licence(spec: ModelSpec) -> str:
    """The text of ``LICENSE``: what the card says."""
    stated = spec.card.licence or "The model card states no licence; ask its authors before using the weights."
    return "\n".join((stated, "", *spec.card.attribution)).rstrip() + "\n"


def readme(spec: ModelSpec) -> str:
    """The model card, and how the bundle is run."""
    card = spec.card
    lists = {
        "Training data": card.training_data,
        "Measured": card.measured,
        "Limits": card.limits,
        "Please cite": card.attribution,
    }
    parts = [f"# {card.title}", card.description, f"**{card.intended_use}**"]
    parts += ["\n".join((f"## {title}", *(f"- {line}" for line in lines))) for title, lines in lists.items() if lines]
    parts += [f"## Licence\n{card.licence or 'not stated'}", _usage(spec), _differences(spec)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _usage(spec: ModelSpec) -> str:
    suffixes = ", ".join(f"`*_{name}.nii.gz`" for name in spec.channels)
    labels = ", ".join(f"{value} {name}" for value, name in _label_names(spec).items())
    return f"""## Running it
Every case is a folder below `dataset_dir` with {suffixes}, registered to each other and skull-stripped.
From the bundle's folder, after `pip install monai {" ".join(REQUIRED_PACKAGES)}`:
```
python -m monai.bundle run --config_file configs/inference.json --meta_file configs/metadata.json --dataset_dir DATA
```
For files that end in t1n, t1c, t2w and t2f add `--suffixes "['t1n', 't1c', 't2w', 't2f']"` in the order above. Labels
go to `eval/`: {labels}.{_ensemble(spec)}"""


def _ensemble(spec: ModelSpec) -> str:
    if spec.members == 1:
        return ""
    return f"\n\nIt is an ensemble: the logits of the {spec.members} networks in `models/` are averaged."


def _differences(spec: ModelSpec) -> str:
    size = " x ".join(f"{side:g}" for side in spec.spacing)
    return f"""## Compared with TumorSegU-Net
Crop, normalisation, tiles, calibration, thresholds and the rules after them are those of TumorSegU-Net. On grids of
{size} mm the labels are the same, but for single voxels whose probability is within rounding of a threshold; so they
are on other grids that are a whole number of such voxels long. Elsewhere the voxels of MONAI's `Spacing` lie up to half
a voxel apart from those of TumorSegU-Net. The inputs are not checked: swapped volumes or a skull are not noticed."""
