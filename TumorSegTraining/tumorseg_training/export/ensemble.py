"""What an ensemble takes over from its members: rules after the network, and who trained and validated."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from scipy.special import expit, logit

from tumorseg.calibration import with_calibration, without_calibration
from tumorseg.modelfile import PostProcessing

Training = dict[str, Any]


def joined_rules(members: Sequence[PostProcessing]) -> PostProcessing:
    """Rules of an ensemble whose members may have been calibrated each on its own validation cases.

    The ensemble averages logits z. With a temperature t and a bias b per member, the mean of z / t + b is that of one
    calibration with the harmonic mean of t and the mean of b as long as the members agree; a member without calibration
    has t = 1 and b = 0. Thresholds are averaged as logits, volumes are the median.
    """
    first = members[0]
    if all(rules == first for rules in members):
        return first
    plain = [without_calibration(rules) for rules in members]
    rules = PostProcessing(
        thresholds=tuple(expit(np.mean([logit(one.thresholds) for one in plain], axis=0)).tolist()),
        min_component_ml=median(one.min_component_ml for one in members),
        min_enhancing_ml=median(one.min_enhancing_ml for one in members),
    )
    if not any(one.temperatures for one in members):
        return rules
    ones, zeros = (1.0,) * len(first.thresholds), (0.0,) * len(first.thresholds)
    slopes = np.mean([1 / np.asarray(one.temperatures or ones) for one in members], axis=0)
    biases = np.mean([one.biases or zeros for one in members], axis=0)
    return with_calibration(rules, (1 / slopes).tolist(), biases.tolist())


def joined_training(members: Sequence[Training]) -> Training:
    """Where the weights come from: that of the one run, or every member's with their cases put together.

    A case that any member was trained on counts as trained, also where another one was validated on it.
    """
    if len(members) == 1:
        return members[0]
    trained = _cases(members, "split", "train") | _cases(members, "cases")
    chosen = _cases(members, "split", "validation") - trained
    kept = _cases(members, "split", "test") - trained - chosen
    hashes = sorted({str(member.get("split", {}).get("sha256")) for member in members})
    joined: Training = {
        "split": {"train": sorted(trained), "validation": sorted(chosen), "test": sorted(kept), "sha256": hashes},
        "members": list(members),
    }
    if calibrating := _cases(members, "calibration", "cases"):
        joined["calibration"] = {"cases": sorted(calibrating), "how": "mean of the members' calibrations"}
    return joined


def _cases(members: Sequence[Training], *path: str) -> set[str]:
    """Names of the cases that any member has in a list of its document."""
    names: set[str] = set()
    for member in members:
        value: Any = member
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        names.update(value if isinstance(value, (list, tuple)) else ())
    return names
