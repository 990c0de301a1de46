"""The loss: its value in known cases, and deep supervision."""

import math

import pytest
import torch

from tumorseg_training.module import SegmentationModule
from tumorseg_training.recipe import load_recipe


@pytest.fixture
def module() -> SegmentationModule:
    return SegmentationModule(load_recipe("tiny"))


def _masks() -> torch.Tensor:
    masks = torch.zeros(1, 3, 4, 4, 4)
    masks[:, :, 1:3, 1:3, 1:3] = 1
    return masks


def test_a_perfect_prediction_costs_nothing(module: SegmentationModule) -> None:
    logits = (_masks() * 2 - 1) * 50
    assert float(module.supervised_loss([logits], _masks())) == pytest.approx(0, abs=1e-5)


def test_an_undecided_prediction_costs_what_the_formula_says(module: SegmentationModule) -> None:
    # p = 0.5 everywhere, 8 of 64 voxels true: Dice = (2*4 + 1) / (32 + 8 + 1), BCE = ln 2
    expected = (1 - 9 / 41) + math.log(2)
    assert float(module.supervised_loss([torch.zeros(1, 3, 4, 4, 4)], _masks())) == pytest.approx(expected, rel=1e-5)


def test_deep_supervision_weighs_each_coarser_head_half(module: SegmentationModule) -> None:
    coarse_target = torch.nn.functional.max_pool3d(_masks(), 2)
    fine, coarse = torch.zeros(1, 3, 4, 4, 4), torch.zeros(1, 3, 2, 2, 2)
    alone = [float(module.supervised_loss([fine], _masks())), float(module.supervised_loss([coarse], coarse_target))]
    both = float(module.supervised_loss([fine, coarse], _masks()))
    assert both == pytest.approx((alone[0] + 0.5 * alone[1]) / 1.5, rel=1e-5)
