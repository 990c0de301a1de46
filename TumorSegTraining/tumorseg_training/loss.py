"""The loss of a global batch: Dice of each region and binary cross-entropy, the same on one process or on many.

Both are made of a few sums per region. The sums are added up over the processes before the loss is formed, so that the
processes together minimise what one process would with all of their patches. (MONAI's ``DiceLoss`` forms the ratio on
each process, and knows no patches in which a region's truth is unknown.)
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional

DICE_SMOOTHING = 1.0
"""Added to both sides of the ratio: a useful gradient in batches without the region."""


def region_loss(
    logits: Tensor, masks: Tensor, known: Tensor, kind: str = "dice_bce", entropy_weight: float = 1.0
) -> Tensor:
    """Mean over the regions of (1 - Dice) + weight * BCE, or of BCE alone.

    Dice is (2 * sum(p*t) + 1) / (sum(p) + sum(t) + 1) over all voxels of the global batch (nnU-Net's batch Dice); BCE
    is the mean over the voxels. Regions that are unknown in a patch do not count there.

    Args:
        logits: (batch, region, z, y, x), of this process.
        masks: truth, same shape, 0 or 1.
        known: whether the truth of a region is known, (batch, region).
        kind: ``dice_bce`` or ``bce``.
        entropy_weight: of BCE beside Dice. Dice alone hardly teaches where a region is absent: its gradient there
            falls with the square of what was found.
    """
    return loss_of_sums(_summed_over_processes(region_sums(logits, masks, known)), kind, entropy_weight)


def loss_of_sums(sums: Tensor, kind: str, entropy_weight: float = 1.0) -> Tensor:
    """The loss of what ``region_sums`` gives; the other arguments as for ``region_loss``."""
    truth, predicted, crossed, entropy, voxels = sums
    # A region that no patch of the batch knows adds nothing, and does not divide by nothing.
    entropies = entropy / voxels.clamp(min=1)
    if kind == "bce":
        return _mean(entropies, voxels)
    ratios = (2 * crossed + DICE_SMOOTHING) / (predicted + truth + DICE_SMOOTHING)
    return _mean(1 - ratios + entropy_weight * entropies, voxels)


def supervised_loss(
    outputs: list[Tensor], masks: Tensor, known: Tensor, kind: str = "dice_bce", entropy_weight: float = 1.0
) -> Tensor:
    """``region_loss`` over all heads, each coarser one half the weight (nnU-Net's deep supervision), weights sum 1.

    Args:
        outputs: logits (batch, region, ...), full resolution first, each next one half the size.
        masks: truth (batch, region, z, y, x) at full resolution; coarser truths are the largest of each block.
        known: as for ``region_loss``.
        kind: as for ``region_loss``.
        entropy_weight: as for ``region_loss``.
    """
    weights = [0.5**level for level in range(len(outputs))]
    total = torch.zeros((), device=masks.device)
    for level, (weight, logits) in enumerate(zip(weights, outputs, strict=True)):
        target = functional.max_pool3d(masks, 2**level) if level else masks
        total = total + weight * region_loss(logits, target, known, kind, entropy_weight)
    return total / sum(weights)


def region_sums(logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """(5, region): sums of truth, prediction, their product and cross-entropy, and the number of voxels.

    Arguments as for ``region_loss``; of this process alone.
    """
    logits = logits.float()
    probabilities = logits.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    axes = (2, 3, 4)
    each = [array.sum(dim=axes) for array in (masks, probabilities, probabilities * masks, entropy)]
    each.append(torch.full_like(each[0], logits[0, 0].numel()))
    return (torch.stack(each) * known).sum(dim=1)


def _summed_over_processes(sums: Tensor) -> Tensor:
    """The sums of the global batch, with a gradient such that DDP's mean of the gradients is that of the whole.

    Each process differentiates its own part, times the number of processes, by which DDP divides.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return sums
    total = sums.detach().clone()
    distributed.all_reduce(total)
    return total + distributed.get_world_size() * (sums - sums.detach())


def _mean(values: Tensor, voxels: Tensor) -> Tensor:
    known = (voxels > 0).float()
    return (values * known).sum() / known.sum().clamp(min=1)
