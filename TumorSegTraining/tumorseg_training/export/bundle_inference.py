"""``configs/inference.json`` of a MONAI bundle: what the engine does, in MONAI's transforms.

The same brain crop, normalisation, tiles and weights, so the same voxels on grids that the engine does not resample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tumorseg.brain_crop import HALF, TOUCHED
from tumorseg.grids import SPACING_AS_TRAINED
from tumorseg.modelfile import ModelSpec
from tumorseg.normalise import CROP_MARGIN, WHOLE
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.tiles import OVERLAP, SIGMA_SCALE
from tumorseg.volume import Triple
from tumorseg_training.export.monai_network import dynunet_arguments

Config = dict[str, Any]

_BRAIN = "$lambda x: (x != 0).any(0, keepdim=True).float()"

_SCALES = {
    "zscore-brain": ("total(v * p) / total(p)", "(total((v - low) ** 2 * p) / total(p)).sqrt()"),
    "minmax-brain": ("v.where(p, torch.inf).amin(d, True)", "v.where(p, -torch.inf).amax(d, True) - low"),
}
"""What is subtracted (low) and what divides, of the values v (channel, x, y, z) over the part p, per normalisation."""


def inference_config(spec: ModelSpec, model_files: Sequence[str]) -> Config:
    """The configuration.

    Args:
        spec: of a model that ``check_expressible`` accepts.
        model_files: weights of each network, relative to the bundle.
    """
    numbers = range(len(model_files))
    names = ["network"] if len(model_files) == 1 else [f"network_{number}" for number in numbers]
    return {
        "imports": [
            "$import glob",
            "$import os",
            "$import nibabel",
            "$import numpy",
            "$import torch",
            "$from scipy import ndimage",
        ],
        "bundle_root": ".",
        "dataset_dir": "/path/to/a/folder/with/a/folder/per/case",
        "output_dir": "$os.path.join(@bundle_root, 'eval')",
        "suffixes": list(spec.channels),
        "datalist": "$[{'image': [glob.glob(os.path.join(case, '*[_-]' + name + '.nii*'))[0] for name in @suffixes]}"
        " for case in sorted(glob.glob(os.path.join(@dataset_dir, '*', '')))]",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": "DynUNet", **dynunet_arguments(spec.network_config)},
        **({} if len(names) == 1 else {f"{name}_def": "%network_def" for name in names}),
        **{name: f"$@{name}_def.to(@device)" for name in names},
        "preprocessing": {"_target_": "Compose", "transforms": _preprocessing(spec)},
        "dataset": {"_target_": "Dataset", "data": "@datalist", "transform": "@preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(spec.patch_size[::-1]),
            "sw_batch_size": 1,
            "overlap": OVERLAP,
            "mode": "gaussian",
            "sigma_scale": SIGMA_SCALE,
        },
        "postprocessing": {"_target_": "Compose", "transforms": _postprocessing(spec, len(names))},
        "handlers": [_loader(name, file) for name, file in zip(names, model_files, strict=True)],
        "evaluator": _evaluator(names),
        "initialize": ["$setattr(torch.backends.cudnn, 'benchmark', False)"],
        "run": ["$@evaluator.run()"],
    }


def _preprocessing(spec: ModelSpec) -> list[Config]:
    """Volumes (channel, x, y, z) in LPS, cropped to the brain and normalised.

    ``whole`` is the brain on the volumes' own grid, ``brain`` that on the network's.
    """
    low, high = ([size * (1 + sign * SPACING_AS_TRAINED) for size in spec.spacing] for sign in (-1, 1))
    both = ["image", "brain"]
    return [
        {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True, "dtype": "$torch.float32"},
        {"_target_": "CopyItemsd", "keys": "image", "times": 2, "names": ["whole", "brain"]},
        {"_target_": "Lambdad", "keys": ["whole", "brain"], "func": _BRAIN},
        {"_target_": "Orientationd", "keys": both, "axcodes": "LPS"},
        {
            "_target_": "Spacingd",
            "keys": both,
            "pixdim": list(spec.spacing),
            "min_pixdim": low,
            "max_pixdim": high,
            "mode": "bilinear",
            "padding_mode": "zeros",
            "scale_extent": True,  # the new grid covers the extent of the voxels, as the engine's does
        },
        {"_target_": "Lambdad", "keys": "brain", "func": _on_working(spec.spacing)},
        {"_target_": "MaskIntensityd", "keys": "image", "mask_key": "brain"},
        {
            "_target_": "CropForegroundd",
            "keys": both,
            "source_key": "brain",
            "margin": CROP_MARGIN,
            "allow_smaller": True,
        },
        {"_target_": "Lambdad", "keys": "image", "func": _normaliser(spec.normalisation)},
        {"_target_": "EnsureTyped", "keys": [*both, "whole"]},
    ]


def _on_working(spacing: Triple) -> str:
    """Expression from the interpolated brain to the voxels that are brain, as in ``brain_crop``."""
    given = "nibabel.affines.voxel_sizes(a)[numpy.argsort(nibabel.io_orientation(a)[:, 0])]"
    coarse = f"(lambda a: ({given} > {list(spacing)!r}).any())(numpy.asarray(x.meta['original_affine']))"
    return f"$lambda x: (x >= ({HALF!r} if {coarse} else {TOUCHED!r})).float()"


def _normaliser(normalisation: str) -> str:
    """Expression that normalises every channel over what it shows of the brain, as ``normalise.shown_part``.

    The brain is where any channel differs from 0. A constant channel is divided by 0; like in the engine, it becomes 0.
    """
    low, divisor = _SCALES[normalisation]
    scaled = f"(lambda low: torch.nan_to_num((v - low) / ({divisor}), 0.0, 0.0, 0.0) * p)({low})"
    part = f"torch.where((total(s) > 0) & (total(s) < {WHOLE!r} * m.sum()), s, m)"
    inside = f"(lambda m, s, v: (lambda p: {scaled})({part}))((x != 0).any(0), x != 0, x.double())"
    return f"$lambda x: (lambda d: (lambda total: {inside})(lambda t: t.sum(d, True)))((1, 2, 3)).float()"


def _postprocessing(spec: ModelSpec, networks: int) -> list[Config]:
    mean = {"_target_": "MeanEnsembled", "keys": [f"pred_{k}" for k in range(networks)], "output_key": "pred"}
    return [
        *([mean] if networks > 1 else []),
        {"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "MaskIntensityd", "keys": "pred", "mask_key": "whole"},
        {"_target_": "Lambdad", "keys": "pred", "func": _labeller(spec)},
        *({"_target_": "Lambdad", "keys": "pred", "func": rule} for rule in _rules(spec)),
        {
            "_target_": "SaveImaged",
            "keys": "pred",
            "output_dir": "@output_dir",
            "output_postfix": "seg",
            "output_dtype": "$torch.uint8",
            # Nothing is left to resample, but without it MONAI 1.6 fails on volumes stored as sagittal slices.
            "resample": True,
            "mode": "nearest",
            "separate_folder": False,
        },
    ]


def _labeller(spec: ModelSpec) -> str:
    """Expression from region probabilities to one channel of labels: the innermost region over its threshold wins."""
    inside = {"WT": ED if len(spec.regions) > 1 else UNDIVIDED, "TC": NCR, "ET": ET}
    expression = "0"
    for channel, region in enumerate(spec.regions):  # outermost first
        threshold = spec.postprocessing.thresholds[channel]
        expression = f"torch.where(p[{channel}:{channel + 1}] > {threshold!r}, {inside[region]}, {expression})"
    return f"$lambda p: {expression}"


def _rules(spec: ModelSpec) -> list[str]:
    """Expressions of the rules after the thresholds, from labels (1, x, y, z) to labels; see ``postprocess.clean``."""
    rules, voxel = spec.postprocessing, "(abs(torch.linalg.det(x.affine[:3, :3])).item() / 1000)"
    large_enough = f"numpy.bincount(parts.ravel()) >= {rules.min_component_ml!r} / {voxel}"
    connected = "ndimage.label(x[0].cpu().numpy(), numpy.ones((3, 3, 3)))[0]"
    parts = f"$lambda x: (lambda parts: x * torch.as_tensor(({large_enough})[parts], device=x.device))({connected})"
    tiny = f"(x == {ET}).sum() < {rules.min_enhancing_ml!r} / {voxel}"
    enhancing = f"$lambda x: torch.where((x == {ET}) & ({tiny}), {NCR}, x)"
    return [*([parts] if rules.min_component_ml else []), *([enhancing] if rules.min_enhancing_ml else [])]


def _loader(name: str, file: str) -> Config:
    return {
        "_target_": "CheckpointLoader",
        "load_path": f"$os.path.join(@bundle_root, '{file}')",
        "load_dict": {"model": f"@{name}"},
        "map_location": "@device",
    }


def _evaluator(names: Sequence[str]) -> Config:
    networks: Config = (
        {"_target_": "SupervisedEvaluator", "network": "@network"}
        if len(names) == 1
        else {
            "_target_": "EnsembleEvaluator",
            "networks": [f"@{name}" for name in names],
            "pred_keys": [f"pred_{number}" for number in range(len(names))],
        }
    )
    return {
        **networks,
        "device": "@device",
        "val_data_loader": "@dataloader",
        "inferer": "@inferer",
        "postprocessing": "@postprocessing",
        "val_handlers": "@handlers",
        "amp": False,
    }
