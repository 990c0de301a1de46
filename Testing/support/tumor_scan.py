"""A brain in which everything is even, with a round tumor, to see what a change of tumors does."""

import numpy as np

from tumorseg.regions import ED, NCR
from tumorseg_training.tumor_edge import Scan

SHAPE = (30, 34, 32)
CHANNELS = ("t1", "t1ce", "t2", "flair")


def ball_tumor(core: int = NCR, edema: int = ED) -> Scan:
    """An even brain (intensity 1 everywhere) with a ball of core (7 mL at 2 mm) in a ball of edema (33 mL with it)."""
    places = np.stack(np.meshgrid(*[np.arange(size) - 15.0 for size in SHAPE], indexing="ij"))
    radius = np.sqrt((places**2).sum(axis=0))
    labels = np.where(radius < 6, core, np.where(radius < 10, edema, 0)).astype(np.uint8)
    return Scan(np.ones((4, *SHAPE), np.float16), labels)
