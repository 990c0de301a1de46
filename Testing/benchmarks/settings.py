"""What one measurement of the training benchmark is asked to do; read by every contender, in any environment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One measurement.

    Attributes:
        contender: ``ours``, ``monai`` or ``nnunet``.
        task: ``loading`` (data loading and augmentation) or ``training`` (full steps).
        prepared: folder with the cached cases, float16 z-scores and engine labels.
        work: folder in which a contender may keep the cases in its own format.
        patch: edge of the patch in voxels.
        batch: patches per batch.
        threads: threads or processes of the contender in total.
        batches: that are measured.
        warm_up: batches before that.
        features: channels of the network's levels, full resolution first.
        device: ``cpu`` or ``cuda``.
        seed: of the random choices where the library takes one.
    """

    contender: str
    task: str
    prepared: str
    work: str
    patch: int
    batch: int
    threads: int
    batches: int
    warm_up: int
    features: tuple[int, ...]
    device: str
    seed: int

    @property
    def patch_size(self) -> tuple[int, int, int]:
        """(z, y, x) in voxels."""
        return (self.patch, self.patch, self.patch)

    @property
    def workers(self) -> int:
        """Threads or processes that load beside the main one: none where that one needs all cores to compute."""
        return 0 if self.task == "training" and self.device == "cpu" else self.threads

    def to_json(self) -> str:
        """As a command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The reverse."""
        values = json.loads(text)
        return cls(**{**values, "features": tuple(values["features"])})


def case_files(prepared: Path) -> list[tuple[str, Path, Path]]:
    """Name, images (channel, z, y, x) float16 and labels (z, y, x) uint8 of every case of a prepared folder."""
    cases = json.loads((prepared / "cases.json").read_text())["cases"]
    return [(case["name"], prepared / case["images"], prepared / case["labels"]) for case in cases]
