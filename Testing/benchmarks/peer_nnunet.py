"""nnU-Net's predictor from files to one label map, on plans written by hand for the given network; no mirroring."""

from __future__ import annotations

from typing import Any

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from peer_model import LABELS_FROM_OUTSIDE, Task, task_from_arguments

from tumorseg.regions import ED, ET, NCR

ENDING = ".nii.gz"
CONFIGURATION = "3d_fullres"


def main() -> None:
    """Segment one case."""
    task = task_from_arguments()
    predictor = nnUNetPredictor(tile_step_size=0.5, use_mirroring=False, device=task.device, allow_tqdm=False)
    plans = PlansManager(_plans(task))
    predictor.manual_initialization(
        task.network.to(task.device),
        plans,
        plans.get_configuration(CONFIGURATION),
        [task.network.state_dict()],
        _dataset(task),
        "nnUNetTrainer",
        None,
    )
    # In one process: the default starts more, which prepare and write other cases; for one they only cost.
    predictor.predict_from_files_sequential([task.files], [str(task.output / "case")])


def _dataset(task: Task) -> dict[str, Any]:
    return {
        "channel_names": {str(number): name for number, name in enumerate(task.spec.channels)},
        "labels": {"background": 0, "WT": [NCR, ED, ET], "TC": [NCR, ET], "ET": [ET]},
        "regions_class_order": list(LABELS_FROM_OUTSIDE),
        "file_ending": ENDING,
    }


def _plans(task: Task) -> dict[str, Any]:
    """What ``ExperimentPlanner`` writes for MR volumes, as far as prediction reads it."""
    channels = len(task.spec.channels)
    configuration = {
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": list(task.window),
        "spacing": list(task.spacing),
        "normalization_schemes": ["ZScoreNormalization"] * channels,
        "use_mask_for_norm": [True] * channels,
        "architecture": {},  # the network comes ready
    }
    for what, is_seg, order in (("data", False, 3), ("seg", True, 1), ("probabilities", False, 1)):
        configuration[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        settings = {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}
        configuration[f"resampling_fn_{what}_kwargs"] = settings
    return {
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(number): {} for number in range(channels)},
        "configurations": {CONFIGURATION: configuration},
    }


if __name__ == "__main__":
    main()
