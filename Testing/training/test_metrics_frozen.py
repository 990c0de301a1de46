"""Scores equal those that MONAI, DeepMind's surface-distance and BraTS 2023's definition gave once and for all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.masks import reference_pairs
from tumorseg_training.metrics import case_scores

REFERENCE = json.loads((Path(__file__).parents[1] / "support" / "reference_scores.json").read_text())
PAIRS = reference_pairs()


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['pair']} {entry['region']} {entry['spacing']}"


@pytest.mark.parametrize("entry", REFERENCE["scores"], ids=_name)
def test_equals_the_frozen_reference(entry: dict[str, Any]) -> None:
    spacing = tuple(entry["spacing"])
    scores = case_scores(*PAIRS[entry["pair"]], spacing)[entry["region"]]
    monai, deepmind = entry["monai"], entry["deepmind"]
    assert (scores["dice"], scores["iou"]) == pytest.approx((monai["dice"], monai["iou"]), rel=1e-6)
    assert scores["nsd"] == pytest.approx(monai["nsd"], rel=1e-5)
    assert (scores["hd95"], scores["nsd"]) == pytest.approx((deepmind["hd95"], deepmind["nsd"]), rel=1e-6)
    # Voxels of the edge instead of marching cubes: another surface, at most a voxel away.
    assert abs(scores["hd95"] - monai["hd95_voxels"]) <= np.linalg.norm(spacing)
    assert {name: scores[name] for name in entry["lesionwise"]} == pytest.approx(entry["lesionwise"], rel=1e-5)


def test_the_reference_covers_what_scores_can_get_wrong() -> None:
    """Lesions that are hit, missed and invented, at voxels of unequal sides."""
    lesions = [entry["lesionwise"] for entry in REFERENCE["scores"]]
    assert {entry["lesions_missed"] > 0 for entry in lesions} == {True, False}
    assert {entry["lesions_false"] > 0 for entry in lesions} == {True, False}
    assert any(len(set(entry["spacing"])) == 3 for entry in REFERENCE["scores"])
    assert all(0.1 < entry["monai"]["dice"] < 0.95 for entry in REFERENCE["scores"])
