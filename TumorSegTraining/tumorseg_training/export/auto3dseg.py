"""The zip that the MONAIAuto3DSeg extension of 3D Slicer loads (https://github.com/lassoan/SlicerMONAIAuto3DSeg).

Read in its ``auto3dseg_segresnet_inference.py`` (commit be8e4f2): a path with "brats" in it takes four files, stacked
as FLAIR, T1ce, T1, T2; the three sigmoid outputs are WT, TC, ET at a threshold of 0.5.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.modelfile import ModelSpec
from tumorseg.regions import BRAIN_CODE, CATEGORY_CODE, ED, ET, NCR, SEGMENTS
from tumorseg_training.export.monai_network import (
    calibrated_head,
    check_expressible,
    dynunet_arguments,
    dynunet_state,
)
from tumorseg_training.export.packing import torch_bytes, write_zip
from tumorseg_training.export.source import ExportSource, State

INPUT_ORDER = ("flair", "t1ce", "t1", "t2")
"""T2F, T1C, T1N, T2W of the extension's BraTS models."""

FILE_NAME = re.compile(r"[^/\\]*brats[^/\\]*-v\d+\.\d+\.\d+\.zip")
"""From the name the extension takes the model's version, and that it is one of four volumes."""

_CODES = (
    "SegmentedPropertyCategoryCodeSequence",
    "SegmentedPropertyTypeCodeSequence",
    "SegmentedPropertyTypeModifierCodeSequence",
    "AnatomicRegionSequence",
    "AnatomicRegionModifierSequence",
)
_CODE_PARTS = ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")


def check_file_name(output: Path) -> None:
    """Make sure that the extension will recognise the file.

    Raises:
        BadInputError: it will not.
    """
    if not FILE_NAME.fullmatch(output.name):
        raise BadInputError(
            f"MONAIAuto3DSeg does not recognise a file called {output.name}; call it like brats-NAME-v1.0.0.zip."
        )


def write_auto3dseg(source: ExportSource, output: Path) -> None:
    """Write the zip with ``model.pt`` and ``labels.csv``.

    Raises:
        BadInputError: a model that the extension cannot run.
    """
    spec = source.spec
    check_expressible(spec)
    _check_usable(spec)
    state = calibrated_head(_reordered(source.states[0], spec), spec.postprocessing, at_half=True)
    checkpoint: dict[str, Any] = {
        "config": _config(spec),
        "state_dict": dynunet_state(spec.network_config, state),
        "epoch": spec.training.get("epoch", 0),
    }
    if source.validation_dice is not None:
        checkpoint["best_metric"] = source.validation_dice
    write_zip(output, {"model.pt": torch_bytes(checkpoint), "labels.csv": _labels().encode()})


def _check_usable(spec: ModelSpec) -> None:
    reasons = {
        "holds one network, not an ensemble; name one --run": spec.members == 1,
        f"gives a network {', '.join(INPUT_ORDER)}, not {', '.join(spec.channels)}": sorted(spec.channels)
        == sorted(INPUT_ORDER),
        "needs the regions WT, TC and ET": spec.regions == ("WT", "TC", "ET"),
        "normalises to zero mean and unit variance only": spec.normalisation == "zscore-brain",
    }
    for reason, fine in reasons.items():
        if not fine:
            raise BadInputError(f"This model cannot be written for MONAIAuto3DSeg: its format {reason}.")


def _reordered(state: State, spec: ModelSpec) -> State:
    """State dict of a network that takes its inputs in the extension's order."""
    first = "encoder.0.0.conv.weight"
    order = [spec.channels.index(name) for name in INPUT_ORDER]
    return {**state, first: state[first][:, order]}


def _config(spec: ModelSpec) -> dict[str, Any]:
    # orientation_ras would mirror every volume against what the network was trained on, LPS as in BraTS's files.
    return {
        "network": {"_target_": "monai.networks.nets.DynUNet", **dynunet_arguments(spec.network_config)},
        "roi_size": list(spec.patch_size[::-1]),
        "normalize_mode": "meanstd",
        "intensity_bounds": [0.0, 0.0],  # read by the extension, used in other modes
        "orientation_ras": False,
        "crop_foreground": True,
        "resample_resolution": list(spec.spacing),
        "sigmoid": True,
    }


def _labels() -> str:
    """``labels.csv``: label value, name and codes of each segment."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["LabelValue", "Name", *(f"{code}.{part}" for code in _CODES for part in _CODE_PARTS)])
    none = ("", "", "")
    for label in (ET, ED, NCR):
        segment = SEGMENTS[label]
        table.writerow([label, segment.name, *CATEGORY_CODE, *segment.code, *none, *BRAIN_CODE, *none])
    return stream.getvalue()
