"""From four volume nodes to a segmentation node: the module's logic, with MRML and without Qt.

The same class serves the module's panel, scripts in the application and scripts with the ``slicer-core`` wheel.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import slicer

from tumorseg.errors import BadInputError, CancelledError, ModelError, OutOfMemoryError, TumorSegError
from tumorseg.modelstore import ModelEntry, list_models
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg.volume import Geometry, LabelArray

from .run import REQUEST_ID, MakeNode, Outcome, Run, RunState
from .run_files import RunFiles
from .segmentations import createSegmentationNode
from .translation import _
from .volumes import volumeFromNode
from .worker_client import Event, WorkerClient

Inputs: TypeAlias = "Mapping[str, slicer.vtkMRMLScalarVolumeNode]"
"""Volume node per sequence (t1, t1ce, t2, flair); a model needs not all of them."""

POLL_SECONDS = 0.05

ALGORITHM_NAME_LENGTH = 64
"""Longest value of the DICOM attribute Segment Algorithm Name (LO)."""

_ERRORS: Mapping[str, type[TumorSegError]] = {
    error.kind: error for error in (BadInputError, OutOfMemoryError, ModelError)
}


class TumorSegUNetLogic:
    """Starts runs; keeps no state, so any number of them may be under way.

    Args:
        workerCommand: command line of the worker; the engine's own by default.
    """

    def __init__(self, workerCommand: Sequence[str] | None = None) -> None:
        self._workerCommand = workerCommand

    def models(self) -> list[ModelEntry]:
        """The models that can be chosen; needs no torch."""
        return list_models()

    def startSegmentation(
        self, inputs: Inputs, model: str | None = None, device: str = "auto", *, surfaces: bool = False
    ) -> Run:
        """Start a run in a worker process and return at once.

        Args:
            inputs: the volume nodes; they are copied, so later changes do not matter to the run.
            model: name or file of the model; the default model if None.
            device: auto, cpu, cuda, cuda:N or mps.
            surfaces: whether the segmentation gets closed surfaces for 3D views.

        Returns:
            The run, to be polled until it has ended.

        Raises:
            BadInputError: no volume, or a node that is not a usable one.
            TumorSegError: the worker process or its folder cannot be made.
        """
        if not inputs:
            raise BadInputError(_("No volume is chosen; choose the volumes of one patient."))
        volumes = {name: volumeFromNode(node, DISPLAY_NAMES[name]) for name, node in inputs.items()}
        geometries = {name: volume.geometry for name, volume in volumes.items()}
        files = RunFiles()
        try:
            entries = {name: files.add(name, volumes.pop(name)) for name in inputs}
            client = WorkerClient(self._workerCommand)
        except OSError as error:
            files.remove()
            raise TumorSegError(_startSentence(error)) from error
        client.send(
            {
                "request": "segment",
                "id": REQUEST_ID,
                "folder": str(files.folder),
                "volumes": entries,
                "model": _absoluteModel(model),
                "device": device,
                "tta": False,
            }
        )
        return Run(client, files, _nodeMaker(inputs, geometries, surfaces))

    def segment(
        self,
        inputs: Inputs,
        model: str | None = None,
        device: str = "auto",
        *,
        surfaces: bool = False,
        onPoll: Callable[[Run], None] | None = None,
    ) -> slicer.vtkMRMLSegmentationNode:
        """Segment and wait for the segmentation node; arguments and errors as for ``run``."""
        return self.run(inputs, model, device, surfaces=surfaces, onPoll=onPoll).outcome.segmentation

    def run(
        self,
        inputs: Inputs,
        model: str | None = None,
        device: str = "auto",
        *,
        surfaces: bool = False,
        onPoll: Callable[[Run], None] | None = None,
    ) -> Run:
        """Segment and wait for the end; for scripts that want measurements and findings, too.

        Args:
            inputs, model, device, surfaces: as for ``startSegmentation``.
            onPoll: called about 20 times a second with the run; may cancel it.

        Returns:
            The run, which is done; its ``outcome`` holds node, measurements, findings, provenance and seconds.

        Raises:
            TumorSegError: one of its subclasses, with one sentence per problem.
        """
        run = self.startSegmentation(inputs, model, device, surfaces=surfaces)
        try:
            while not run.poll():
                if onPoll is not None:
                    onPoll(run)
                time.sleep(POLL_SECONDS)
        finally:
            run.cancel()
        if run.state is not RunState.DONE:
            raise _error(run.outcome)
        return run


def _absoluteModel(model: str | None) -> str | None:
    """A model's file by its full path, since the worker has another working directory; a name as it is."""
    return os.path.abspath(model) if model and model.endswith(".safetensors") else model


def _nodeMaker(inputs: Inputs, geometries: Mapping[str, Geometry], surfaces: bool) -> MakeNode:
    # Asked now: a volume that the user removes during the run no longer knows its scene.
    scene = next(iter(inputs.values())).GetScene()

    def makeNode(labels: LabelArray, event: Event) -> slicer.vtkMRMLSegmentationNode:
        reference, geometry = inputs[event["reference"]], geometries[event["reference"]]
        provenance = event.get("provenance", {})
        return createSegmentationNode(
            scene,
            labels,
            geometry,
            name=_("{volume} tumor segmentation").format(volume=reference.GetName()),
            reference=reference if _stillHolds(reference, labels) else None,
            provenance=provenance,
            algorithm=_algorithmName(provenance),
            surfaces=surfaces,
        )

    return makeNode


def _stillHolds(reference: slicer.vtkMRMLScalarVolumeNode, labels: LabelArray) -> bool:
    """Whether the volume is still in the scene and has its size: a user can go on working during a run."""
    image = reference.GetImageData()
    return reference.GetScene() is not None and image is not None and image.GetDimensions() == labels.shape[::-1]


def _algorithmName(provenance: Mapping[str, str]) -> str:
    parts = (provenance.get("software", "TumorSegU-Net"), provenance.get("model", ""))
    return " ".join(part for part in parts if part)[:ALGORITHM_NAME_LENGTH]


def _error(outcome: Outcome) -> TumorSegError:
    if outcome.kind == "cancelled":
        return CancelledError()
    return _ERRORS.get(outcome.kind, TumorSegError)(outcome.problems)


def _startSentence(error: OSError) -> str:
    return _("The segmentation cannot be started ({error}); free disk space or repair the installation.").format(
        error=error
    )
