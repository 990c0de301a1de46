"""The synthetic patient in the module Sample Data; registered when the application starts, hence nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import slicer

from .translation import _

CATEGORY = "TumorSegU-Net"
SAMPLE_NAME = "TumorSegU-Net synthetic patient"
THUMBNAIL = "SampleData/TumorSegUNetSyntheticPatient.png"


def registerSampleData(resources: str | os.PathLike[str]) -> None:
    """Offer the patient in the module Sample Data.

    Args:
        resources: the module's folder ``Resources``, which holds the thumbnail.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(Path(resources) / THUMBNAIL),
        uris="",
        fileNames=SAMPLE_NAME,
        nodeNames=SAMPLE_NAME,
        customDownloader=_onClick,
    )


def _onClick(source: Any) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """What a click on the thumbnail does."""
    from .sample_data import loadSamplePatient

    with slicer.util.tryWithErrorDisplay(_("The sample patient cannot be made."), waitCursor=True):
        return list(loadSamplePatient().values())
    return []
