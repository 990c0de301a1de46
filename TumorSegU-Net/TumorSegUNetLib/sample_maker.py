"""Writes the sample patient: ``python -m TumorSegUNetLib.sample_maker FOLDER``; run as a child process."""

from __future__ import annotations

import sys
from pathlib import Path

SEED = 7
"""A patient with an enhancing tumor, necrosis and edema, not among those that the shipped network learned from."""

NAME = f"Synthetic_{SEED:04d}"


def main(folder: Path) -> None:
    """Write ``folder/NAME/NAME_{t1,t1ce,t2,flair,seg}.nii.gz``, each file complete or not at all."""
    from tumorseg.phantom import make_patient, write_patient  # not for those who only want the name

    write_patient(make_patient(SEED), folder, NAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
