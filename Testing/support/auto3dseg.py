"""What the MONAIAuto3DSeg extension does with a model for four MR volumes, step by step with MONAI.

After ``auto3dseg_segresnet_inference.py`` (https://github.com/lassoan/SlicerMONAIAuto3DSeg, commit be8e4f2), the branch
for paths with "brats" in them; only what our configuration asks for, anything else is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from monai.bundle import ConfigParser
from monai.data import decollate_batch, list_data_collate
from monai.inferers import SlidingWindowInfererAdapt
from monai.transforms import Compose, CropForegroundd, EnsureTyped, Invertd, LoadImaged, NormalizeIntensityd, Spacingd
from monai.utils import convert_to_dst_type


@torch.no_grad()
def run_extension(model_file: Path, images: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """Labels (x, y, z) for files in the order T2F, T1C, T1N, T2W."""
    assert "brats" in str(model_file)
    checkpoint = torch.load(model_file, map_location="cpu")  # as the extension calls it: tensors and plain values only
    config = checkpoint["config"]
    network = ConfigParser(config["network"]).get_parsed_content()
    network.load_state_dict(checkpoint["state_dict"], strict=True)
    network = network.to(memory_format=torch.channels_last_3d).eval()
    assert (config["orientation_ras"], config["crop_foreground"], config["normalize_mode"]) == (False, True, "meanstd")
    assert config["intensity_bounds"] is not None
    assert config["sigmoid"]

    pixdim = config["resample_resolution"]
    prepare = Compose(
        [
            LoadImaged("image", ensure_channel_first=True, dtype=None, image_only=False),
            EnsureTyped("image", data_type="tensor", dtype=torch.float),
            CropForegroundd("image", source_key="image", margin=10, allow_smaller=True),
            Spacingd(
                ["image"],
                pixdim=pixdim,
                mode=["bilinear"],
                dtype=torch.float,
                min_pixdim=np.array(pixdim) * 0.75,
                max_pixdim=np.array(pixdim) * 1.25,
            ),
            NormalizeIntensityd("image", nonzero=True, channel_wise=True),
        ]
    )
    batch = list_data_collate([prepare([{"image": [str(path) for path in images]}])])
    data = batch["image"].as_subclass(torch.Tensor).to(memory_format=torch.channels_last_3d)
    tiles = SlidingWindowInfererAdapt(
        roi_size=config["roi_size"], sw_batch_size=1, overlap=0.625, mode="gaussian", cache_roi_weight_map=False
    )
    regions = tiles(inputs=data, network=network).sigmoid() >= 0.5
    batch["pred"] = convert_to_dst_type(regions, batch["image"], dtype=regions.dtype)[0]
    back = Invertd("pred", orig_keys="image", transform=prepare, nearest_interp=True)
    (inverted,) = [back(item)["pred"] for item in decollate_batch(batch)]
    whole, *inner = inverted.cpu().numpy().astype(bool)
    core, enhancing = inner[0] | inner[1], inner[1]
    return np.select([enhancing, core, whole], [3, 1, 2], 0).astype(np.uint8)
