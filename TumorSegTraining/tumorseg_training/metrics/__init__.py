"""How a prediction is scored against the truth; what each figure means stands in ``definitions``."""

from tumorseg_training.metrics.case import CaseScores, case_scores, present_regions, scored_regions
from tumorseg_training.metrics.overlap import dice, region_dice
from tumorseg_training.metrics.scores_file import read_scores, write_scores

__all__ = [
    "CaseScores",
    "case_scores",
    "dice",
    "present_regions",
    "read_scores",
    "region_dice",
    "scored_regions",
    "write_scores",
]
