"""The loss: its value in known cases, MONAI's value, unknown regions, and deep supervision."""

import math

import pytest
import torch
from monai.losses import DiceLoss

from tumorseg_training.loss import region_loss, supervised_loss

KNOWN = torch.ones(1, 3)


def _masks() -> torch.Tensor:
    masks = torch.zeros(1, 3, 4, 4, 4)
    masks[:, :, 1:3, 1:3, 1:3] = 1
    return masks


def _random(seed: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, 3, 4, 4, 4, generator=random)
    return logits, (torch.rand(batch, 3, 4, 4, 4, generator=random) < 0.3).float()


def test_a_perfect_prediction_costs_nothing() -> None:
    assert float(region_loss((_masks() * 2 - 1) * 50, _masks(), KNOWN)) == pytest.approx(0, abs=1e-5)


def test_an_undecided_prediction_costs_what_the_formula_says() -> None:
    # p = 0.5 everywhere, 8 of 64 voxels true: Dice = (2*4 + 1) / (32 + 8 + 1), BCE = ln 2
    expected = (1 - 9 / 41) + math.log(2)
    assert float(region_loss(torch.zeros(1, 3, 4, 4, 4), _masks(), KNOWN)) == pytest.approx(expected, rel=1e-5)
    entropy = float(region_loss(torch.zeros(1, 3, 4, 4, 4), _masks(), KNOWN, "bce"))
    assert entropy == pytest.approx(math.log(2), rel=1e-5)


@pytest.mark.parametrize("kind", ["dice_bce", "bce"])
def test_a_batch_without_a_tumor_teaches_to_find_nothing(kind: str) -> None:
    logits, _ = _random(2)
    logits.requires_grad_()
    nothing = torch.zeros_like(logits)
    loss = region_loss(logits, nothing, torch.ones(2, 3), kind)
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert bool((logits.grad > 0).all())
    assert float(region_loss(nothing - 50, nothing, torch.ones(2, 3), kind)) == pytest.approx(0, abs=1e-5)


def test_the_dice_part_is_monais_over_the_batch() -> None:
    logits, masks = _random(0)
    known = torch.ones(2, 3)
    ours = region_loss(logits, masks, known) - region_loss(logits, masks, known, "bce")
    theirs = DiceLoss(sigmoid=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)(logits, masks)
    torch.testing.assert_close(ours, theirs)


def test_the_entropy_part_is_torchs() -> None:
    logits, masks = _random(1)
    ours = region_loss(logits, masks, torch.ones(2, 3), "bce")
    torch.testing.assert_close(ours, torch.nn.functional.binary_cross_entropy_with_logits(logits, masks))


def test_an_unknown_region_of_a_patch_does_not_count() -> None:
    logits, masks = _random(2)
    known = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    loss = region_loss(logits, masks, known)
    changed_logits, changed_masks = logits.clone(), masks.clone()
    changed_logits[1, 1:] += 3
    changed_masks[1, 1:] = 1
    torch.testing.assert_close(region_loss(changed_logits, changed_masks, known), loss)
    changed_masks[1, 0] = 1
    assert not torch.isclose(region_loss(changed_logits, changed_masks, known), loss)


def test_an_unknown_region_has_no_gradient_and_the_others_keep_theirs() -> None:
    logits, masks = _random(3, batch=1)
    logits.requires_grad_()
    region_loss(logits, masks, torch.tensor([[1.0, 0.0, 0.0]])).backward()
    alone = logits.detach()[:, :1].requires_grad_()
    region_loss(alone, masks[:, :1], torch.ones(1, 1)).backward()
    assert not logits.grad[:, 1:].any()
    torch.testing.assert_close(logits.grad[:, :1], alone.grad)


def test_deep_supervision_weighs_each_coarser_head_half() -> None:
    coarse_target = torch.nn.functional.max_pool3d(_masks(), 2)
    fine, coarse = torch.zeros(1, 3, 4, 4, 4), torch.zeros(1, 3, 2, 2, 2)
    alone = [float(region_loss(fine, _masks(), KNOWN)), float(region_loss(coarse, coarse_target, KNOWN))]
    both = float(supervised_loss([fine, coarse], _masks(), KNOWN))
    assert both == pytest.approx((alone[0] + 0.5 * alone[1]) / 1.5, rel=1e-5)


def test_the_weight_counts_the_entropy_more() -> None:
    logits, masks = _random(2)
    known = torch.ones(2, 3)
    plain, heavy = (supervised_loss([logits], masks, known, entropy_weight=weight) for weight in (1.0, 10.0))
    torch.testing.assert_close(heavy - plain, 9 * region_loss(logits, masks, known, "bce"))
