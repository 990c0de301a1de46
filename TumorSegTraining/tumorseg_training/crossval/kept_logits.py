"""Raw outputs of a network for a case on disk, so that one prediction serves everything that is asked of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.special import expit, logit

from tumorseg.atomic import atomic_path
from tumorseg.volume import FloatArray


def keep_logits(path: Path, key: str, probabilities: FloatArray) -> None:
    """Write a case's logits in float16 within the box of the brain; -inf outside the brain.

    Args:
        path: a ``.npz`` file.
        key: says what was predicted from what by which network.
        probabilities: not calibrated, (region, z, y, x), 0 outside the brain.
    """
    found = ndimage.find_objects((probabilities > 0).any(axis=0).astype(np.uint8))
    z, y, x = found[0] if found else (slice(0, 1),) * 3
    logits = logit(probabilities[:, z, y, x]).astype(np.float16)
    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            key=np.array(key),
            logits=logits,
            start=np.array([side.start for side in (z, y, x)]),
            shape=np.array(probabilities.shape),
        )


def kept_probabilities(path: Path, key: str) -> FloatArray | None:
    """What ``keep_logits`` has written, as probabilities (region, z, y, x) float32; None without any of ``key``.

    A file that is damaged counts as nothing: it is made again.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return None
            inside = expit(kept["logits"].astype(np.float32))
            probabilities = np.zeros(kept["shape"], np.float32)
            z, y, x = (slice(at, at + n) for at, n in zip(kept["start"], inside.shape[1:], strict=True))
            probabilities[:, z, y, x] = inside
            return probabilities
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
