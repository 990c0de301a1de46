"""Our U-Net as MONAI's ``DynUNet``: its arguments, and the same weights under its names.

Both concatenate (upsampled, skip) and have two convolutions per level, so the networks are the same function. MONAI's
arrays are (x, y, z) where ours are (z, y, x); the kernels are turned accordingly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.networks.nets import DynUNet
from scipy.special import logit
from torch import Tensor

from tumorseg.calibration import without_calibration
from tumorseg.errors import BadInputError
from tumorseg.modelfile import OUTPUT_REGIONS, ModelSpec, PostProcessing
from tumorseg.network_config import UNet3DConfig
from tumorseg_training.export.source import State


def check_expressible(spec: ModelSpec) -> None:
    """Make sure that MONAI can run a model.

    Raises:
        BadInputError: it cannot; one sentence says why.
    """
    config = spec.network_config
    groups = {min(8, width) for width in config.features}
    reasons = {
        "MONAI's DynUNet needs at least three levels": len(config.features) >= 3,
        "MONAI's DynUNet halves with strides, not with max pooling": config.down == "stride",
        "MONAI's DynUNet has transposed convolutions, not interpolation": config.up == "transpose",
        "MONAI's DynUNet concatenates skip connections, it does not add them": config.skip == "concat",
        "MONAI's DynUNet has two convolutions per decoder level": config.decoder_blocks == 2,
        "MONAI's DynUNet has its output at full resolution": config.output_level == 0,
        "MONAI's DynUNet always normalises": config.norm != "none",
        "MONAI's DynUNet has the same number of groups everywhere": config.norm != "group" or len(groups) == 1,
        "only networks with region outputs can be written": spec.outputs == OUTPUT_REGIONS,
        "MONAI's transforms do not stretch the brain to the patch and back": not spec.resized,
        "MONAI's sliding windows do not see the brain at once": not spec.single_pass,
        "MONAI's inferers do not average over mirrored inputs": not spec.tta,
        "MONAI's transforms do not compare both halves of the brain": not spec.other_half,
        "MONAI's transforms do not let outlines follow the volumes": not spec.guides,
        "MONAI's transforms do not take slow changes of brightness out": spec.normalisation != "zscore-flat",
    }
    for reason, fine in reasons.items():
        if not fine:
            raise BadInputError(f"This model cannot be written for MONAI: {reason}; use --to native.")


def dynunet_arguments(config: UNet3DConfig) -> dict[str, Any]:
    """Arguments of ``DynUNet`` for the network, as JSON values."""
    levels = len(config.features)
    norms = {
        "instance": ["INSTANCE", {"affine": True}],
        "batch": ["BATCH", {"affine": True}],
        "group": ["GROUP", {"num_groups": min(8, *config.features), "affine": True}],
    }
    activations = {
        "relu": ["relu", {"inplace": True}],
        "leaky_relu": ["leakyrelu", {"inplace": True, "negative_slope": 0.01}],
    }
    return {
        "spatial_dims": 3,
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "kernel_size": [3] * levels,
        "strides": [1] + [2] * (levels - 1),
        "upsample_kernel_size": [2] * (levels - 1),
        "filters": list(config.features),
        "norm_name": norms[config.norm],
        "act_name": activations[config.activation],
    }


def dynunet_state(config: UNet3DConfig, state: State) -> State:
    """State dict of ``DynUNet`` with the weights of a ``UNet3D``; heads for training only are left out.

    Args:
        config: of a network that ``check_expressible`` accepts.
        state: of the ``UNet3D``.

    Raises:
        ValueError: the installed MONAI names or shapes the weights otherwise.
    """
    network = DynUNet(**dynunet_arguments(config))
    renamed = {_renamed(name, len(config.features)): _turned(tensor) for name, tensor in state.items()}
    renamed.pop("", None)
    missing, unexpected = network.load_state_dict(renamed, strict=False)
    # DynUNet lists the modules of its levels a second time as skip_layers.
    if unexpected or any(not name.startswith("skip_layers.") for name in missing):
        raise ValueError(f"DynUNet of this MONAI version has other weights: {unexpected}, {missing}")
    return dict(network.state_dict())


def calibrated_head(state: State, rules: PostProcessing, at_half: bool = False) -> State:
    """State dict whose logits are calibrated already.

    Args:
        state: of a ``UNet3D`` with region outputs.
        rules: of the model.
        at_half: move the logits further, so that every threshold becomes 0.5; the result is no probability any more.
    """
    temperatures, biases = _by_region(rules.temperatures, 1.0, rules), _by_region(rules.biases, 0.0, rules)
    if at_half:
        temperatures = torch.ones_like(temperatures)
        biases = -torch.from_numpy(np.asarray(logit(without_calibration(rules).thresholds), np.float32))
    weight, bias = state["heads.0.weight"], state["heads.0.bias"]
    return {
        **state,
        "heads.0.weight": weight / temperatures.reshape(-1, 1, 1, 1, 1),
        "heads.0.bias": bias / temperatures + biases,
    }


def _by_region(values: tuple[float, ...], default: float, rules: PostProcessing) -> Tensor:
    return torch.tensor(values or (default,) * len(rules.thresholds))


def _renamed(name: str, levels: int) -> str:
    """The name in ``DynUNet``, or an empty one for weights that it does not have."""
    part, level, *rest = name.split(".")
    number = int(level)
    if part == "heads":
        return f"output_block.conv.conv.{rest[0]}" if number == 0 else ""
    if part == "up":
        return f"upsamples.{levels - 2 - number}.transp_conv.conv.{rest[0]}"
    block, kind, *last = rest
    inner = f"{kind}{int(block) + 1}." + ("conv." if kind == "conv" else "") + last[0]
    if part == "decoder":
        return f"upsamples.{levels - 2 - number}.conv_block.{inner}"
    place = "input_block" if number == 0 else "bottleneck" if number == levels - 1 else f"downsamples.{number - 1}"
    return f"{place}.{inner}"


def _turned(tensor: Tensor) -> Tensor:
    """A kernel (..., z, y, x) as (..., x, y, z); other weights as they are."""
    return tensor.permute(0, 1, 4, 3, 2).contiguous() if tensor.dim() == 5 else tensor
