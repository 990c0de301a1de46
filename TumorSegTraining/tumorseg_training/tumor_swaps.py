"""Which brains of a training lose their tumor or its enhancement, get another, a fainter or an enhancing one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tumorseg.regions import UNDIVIDED
from tumorseg_training.coring import cored
from tumorseg_training.enhancement import enhanced
from tumorseg_training.growing import grown
from tumorseg_training.healing import healed, weakened
from tumorseg_training.lost_enhancement import unenhanced, without_faint_enhancement
from tumorseg_training.recipe import Recipe
from tumorseg_training.training_case import TrainingCase, drawn_group
from tumorseg_training.transplant import Donor, donor_of, transplanted
from tumorseg_training.tumor_edge import Scan

REMEMBERED = 32
"""Tumors kept cut out, about 1 MB each at 2 mm and 10 MB at 1 mm."""

DRAWS = 8
"""Cases that are asked for a tumor; some brains have none, and which ones is not known before they are looked at."""

_STREAM = 2
"""Keeps these numbers apart from the others of a sample, which are the same with and without swaps."""


class _Wanted(NamedTuple):
    """What happens to the tumor of a sample, in this order."""

    healing: bool
    growing: bool
    transplanting: bool
    coring: bool
    unenhancing: bool
    enhancing: bool
    weakening: bool


class TumorSwaps:
    """Heals, draws, transplants, makes enhance or not enhance and weakens at random, by seed and sample.

    Args:
        groups: training cases by data folder; tumors come from those with all of the recipe's sequences and divided
            labels, folders drawn as often as the recipe's ``shares`` say.
        recipe: says how often.
    """

    def __init__(self, groups: Sequence[Sequence[TrainingCase]], recipe: Recipe) -> None:
        self.recipe = recipe
        wanted = [group for group in groups if not recipe.donors or group[0].group in recipe.donors]
        complete = [[case for case in group if all(case.present) and not case.undivided] for group in wanted]
        self.donors = [group for group in complete if group and recipe.shares.get(group[0].group, 1.0)]
        self._cut_out = lru_cache(REMEMBERED)(self._donor)
        self._has_tumor = lru_cache(None)(_has_tumor)

    def changed(self, case: TrainingCase, index: int) -> TrainingCase:
        """The case as a sample shows it: itself, or with tumors taken away, put in, enhancing and fainter."""
        random = np.random.default_rng((self.recipe.seed, index, _STREAM))
        wanted = self._wanted(case, random)
        if not any(wanted):
            return case
        before = _scan(case)
        donor = self._drawn(case, random) if wanted.transplanting else None
        scan = self._swapped(before, donor, wanted, random)
        return case if scan is before else _showing(case, scan)

    def _wanted(self, case: TrainingCase, random: np.random.Generator) -> _Wanted:
        augmentation = self.recipe.augmentation
        chances = augmentation.healing, augmentation.transplanting, augmentation.weakening
        healing, transplanting, weakening = (random.random(3) < chances).tolist()
        # Not asked where no recipe wants it: the other numbers are then those of a version without it.
        enhancing, unenhancing, coring, growing = (
            bool(chance) and random.random() < chance
            for chance in (
                augmentation.enhancing,
                augmentation.unenhancing,
                augmentation.coring,
                augmentation.growing,
            )
        )
        t1ce = self._shows_t1ce(case)
        transplanting = transplanting and not growing
        return _Wanted(
            healing or growing, growing, transplanting, coring, unenhancing and t1ce, enhancing and t1ce, weakening
        )

    def _swapped(self, scan: Scan, donor: Donor | None, wanted: _Wanted, random: np.random.Generator) -> Scan:
        """The scan with what is wanted, one after the other; a change that is not possible is left out."""
        channels, spacing = self.recipe.channels, self.recipe.spacing
        if wanted.healing:
            scan = healed(scan, spacing) or scan
        if wanted.growing:
            scan = grown(scan, channels, spacing, random) or scan
        if donor:
            scan = transplanted(scan, donor, spacing, random)
        if wanted.coring:
            scan = cored(scan, channels, spacing, random) or scan
        if wanted.unenhancing:
            scan = unenhanced(scan, channels, random) or scan
        if wanted.enhancing:
            scan = enhanced(scan, channels, spacing, random) or scan
        if wanted.weakening:
            fainter = weakened(scan, spacing, random.uniform(*self.recipe.augmentation.weakened))
            scan = scan if fainter is None else without_faint_enhancement(fainter, channels)
        return scan

    def _drawn(self, host: TrainingCase, random: np.random.Generator) -> Donor | None:
        """The tumor of another case; None where there is none."""
        others = [[case for case in group if case.name != host.name] for group in self.donors]
        if not any(others):
            return None
        for _ in range(DRAWS):
            group = drawn_group([group for group in others if group], self.recipe.shares, random)
            case = group[int(random.integers(len(group)))]
            if self._has_tumor(case):
                return self._cut_out(case)
        return None

    def _shows_t1ce(self, case: TrainingCase) -> bool:
        return any(name == "t1ce" and there for name, there in zip(self.recipe.channels, case.present, strict=True))

    def _donor(self, case: TrainingCase) -> Donor | None:
        return donor_of(_scan(case), self.recipe.spacing)


def _has_tumor(case: TrainingCase) -> bool:
    return bool(case.load()[1].any())


def _scan(case: TrainingCase) -> Scan:
    images, labels = case.load()
    return Scan(images[list(case.channels)], labels)


def _showing(case: TrainingCase, scan: Scan) -> TrainingCase:
    """The case with another scan; without undivided tumor all of its regions are known."""
    return replace(
        case,
        load=lambda: (scan.images, scan.labels),
        channels=tuple(range(len(case.channels))),
        undivided=bool((scan.labels == UNDIVIDED).any()),
    )
