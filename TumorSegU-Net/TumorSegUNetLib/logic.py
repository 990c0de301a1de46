"""From four volume nodes to a segmentation node: the module's logic, with MRML and without Qt.

The same class serves the module's panel, scripts in the application and scripts with the ``slicer-core`` wheel.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from tumorseg import modelstore
from tumorseg.errors import TumorSegError
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import ModelEntry

from . import report, result_table
from .brain_masks import MaskNode
from .hand_over import Inputs, handOver, startSentence
from .inquiry import CheckRun, Question
from .requests import ModelName, checkRequest, segmentRequest, warmRequest
from .result import StoredResult, outcomeMaker, resultOf
from .run import Run, RunState
from .run_files import RunFiles
from .voxel_files import VoxelFiles
from .worker_service import CANCEL_GRACE_SECONDS, IDLE_SECONDS, WorkerService

if TYPE_CHECKING:
    from .batch import CaseResult
    from .recognition import LeftOut, Suggestion

POLL_SECONDS = 0.05


class TumorSegUNetLogic:
    """Starts runs, checks and questions, which share one warm worker process.

    Args:
        workerCommand: command line of the worker; the engine's own by default.
        idleSeconds: the worker ends after this time without a request, which frees the GPU.
        cancelGrace: seconds after which a worker that does not answer a cancel is killed.
    """

    def __init__(
        self,
        workerCommand: Sequence[str] | None = None,
        idleSeconds: float = IDLE_SECONDS,
        cancelGrace: float = CANCEL_GRACE_SECONDS,
    ) -> None:
        self._service = WorkerService(workerCommand, idleSeconds, cancelGrace)
        self._voxels = VoxelFiles()

    def startSegmentation(
        self,
        inputs: Inputs,
        model: ModelName = None,
        device: str = "auto",
        *,
        brainMask: MaskNode | None = None,
        register: bool = True,
        tta: bool = False,
        surfaces: bool = False,
    ) -> Run:
        """Start a run in the worker process and return at once.

        Args:
            inputs: the volume nodes; they are copied, so later changes do not matter to the run.
            model: name or file of the model; the default model if None.
            device: auto, cpu, cuda, cuda:N or mps.
            brainMask: says where the brain is in volumes with skull: all segments of a segmentation, or where a label
                map or volume is not 0; on any grid, copied as well.
            register: whether volumes on other grids than the T1ce are registered to it; otherwise they are taken to
                lie as their headers say.
            tta: whether mirrored copies are averaged, as some models always do; takes two to eight times as long.
            surfaces: whether the segmentation gets closed surfaces for 3D views.

        Returns:
            The run, to be polled until it has ended.

        Raises:
            BadInputError: no volume, or a node that is not a usable one.
            TumorSegError: the worker process or its folder cannot be made.
        """
        handed = handOver(inputs, self._voxels, brainMask, surfaces)
        request = segmentRequest(handed, model, device, tta, register)
        return Run(self._ask(request, handed.files), handed.files, outcomeMaker(handed.origin))

    def segment(
        self,
        inputs: Inputs,
        model: ModelName = None,
        device: str = "auto",
        *,
        brainMask: MaskNode | None = None,
        register: bool = True,
        tta: bool = False,
        surfaces: bool = False,
        onPoll: Callable[[Run], None] | None = None,
    ) -> slicer.vtkMRMLSegmentationNode:
        """Segment and wait for the segmentation node; arguments and errors as for ``run``."""
        options = {"brainMask": brainMask, "register": register, "tta": tta, "surfaces": surfaces}
        return self.run(inputs, model, device, **options, onPoll=onPoll).outcome.segmentation

    def run(
        self,
        inputs: Inputs,
        model: ModelName = None,
        device: str = "auto",
        *,
        brainMask: MaskNode | None = None,
        register: bool = True,
        tta: bool = False,
        surfaces: bool = False,
        onPoll: Callable[[Run], None] | None = None,
    ) -> Run:
        """Segment and wait for the end; for scripts that want measurements and findings, too.

        Args:
            inputs, model, device, brainMask, register, tta, surfaces: as for ``startSegmentation``.
            onPoll: called about 20 times a second with the run; may cancel it.

        Returns:
            The run, which is done; its ``outcome`` holds nodes, measurements, findings, provenance and seconds.

        Raises:
            TumorSegError: one of its subclasses, with one sentence per problem.
        """
        options = {"brainMask": brainMask, "register": register, "tta": tta, "surfaces": surfaces}
        run = self.startSegmentation(inputs, model, device, **options)
        try:
            while not run.poll():
                if onPoll is not None:
                    onPoll(run)
                time.sleep(POLL_SECONDS)
        finally:
            run.cancel()
        if run.state is not RunState.DONE:
            raise run.outcome.error
        return run

    def startCheck(
        self, inputs: Inputs, model: ModelName = None, *, brainMask: MaskNode | None = None, register: bool = True
    ) -> CheckRun:
        """Start looking for everything that is wrong with volumes, and return at once; needs no PyTorch.

        The voxels stay ready for a run, until they change; after changing them in place, call
        ``slicer.util.arrayFromVolumeModified``, as always.

        Args:
            inputs: the volume nodes.
            model: says which of them are needed; the default model if None.
            brainMask, register: as for ``startSegmentation``.

        Raises:
            BadInputError, TumorSegError: as for ``startSegmentation``.
        """
        handed = handOver(inputs, self._voxels, brainMask, keep=True)
        return CheckRun(self._ask(checkRequest(handed, model, register), handed.files), handed.files)

    def startStatus(self, device: str = "auto") -> Question:
        """Ask where a run would happen and why; loads PyTorch in the worker.

        Raises:
            TumorSegError: the worker process cannot be started.
        """
        return Question(self._ask({"request": "status", "device": device}))

    def startSelfCheck(self, device: str = "auto") -> Question:
        """Ask whether PyTorch works: imported, made for this GPU, one convolution computed.

        Raises:
            TumorSegError: the worker process cannot be started.
        """
        return Question(self._ask({"request": "selfcheck", "device": device}))

    def warmUp(self, model: ModelName = None, device: str = "auto") -> None:
        """Start the worker and load PyTorch and a model in it, so that the first run finds them ready.

        Nothing is told of a failure: the run that needs the worker will.
        """
        try:
            self._service.ask(warmRequest(model, device))
        except OSError:
            return

    def release(self) -> bool:
        """End the worker if it has nothing to do, which frees the GPU. Returns whether there is none now."""
        return self._service.release()

    def shutdown(self) -> None:
        """End the worker now; runs under way end as cancelled. The next run starts another one."""
        self._service.shutdown()
        self.forgetVolumes()

    def forgetVolumes(self) -> None:
        """Keep no voxels of the volumes that were checked last."""
        self._voxels.forget()

    @property
    def workerProcessId(self) -> int | None:
        """Of the worker process; None when there is none."""
        return self._service.processId

    def suggestInputs(self, scene: slicer.vtkMRMLScene, fixed: Inputs | None = None) -> dict[str, Suggestion]:
        """Which volumes of a scene are T1, T1ce, T2 and FLAIR, as far as names, places and DICOM tags tell.

        Args:
            scene: where to look.
            fixed: volumes that the user has chosen; neither they nor their sequences are suggested.

        Returns:
            Only sequences for which there is one best volume; ambiguous ones are left to the user.
        """
        from .recognition import suggestInputs

        return suggestInputs(scene, fixed or {})

    def leftOut(self, scene: slicer.vtkMRMLScene, chosen: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> LeftOut | None:
        """The examination loaded last, if none of it is chosen since too little of it is recognized."""
        from .recognition import leftOut

        return leftOut(scene, chosen)

    def models(self) -> list[ModelEntry]:
        """The models that can be chosen; needs no torch."""
        return modelstore.list_models()

    def unusedModels(self) -> list[str]:
        """Why files in the folder of models are not among them: one sentence each."""
        return modelstore.unused_files()

    def installModel(
        self, source: str | os.PathLike[str], sha256: str | None = None, progress: modelstore.Transfer | None = None
    ) -> ModelEntry:
        """Put a model into the store.

        Args:
            source: a file or an https address.
            sha256: what the file's SHA-256 must be.
            progress: told the bytes so far and in all (or None).

        Raises:
            ModelError: it cannot be had or is none; nothing is installed then.
        """
        return modelstore.install(os.fspath(source), sha256, progress)

    def removeModel(self, name: str) -> None:
        """Remove an installed model; ``ModelError`` if it is a shipped one or there is none of that name."""
        self._service.release()  # Windows removes no file that a process has open
        modelstore.remove(name)

    def modelFolder(self) -> Path:
        """Where installed models lie; need not exist yet."""
        return modelstore.store_folder()

    def segmentFolder(
        self,
        folder: str | os.PathLike[str],
        output: str | os.PathLike[str],
        model: ModelName = None,
        device: str = "auto",
        *,
        register: bool = True,
        tta: bool = False,
        scene: slicer.vtkMRMLScene | None = None,
        onCase: Callable[[CaseResult], None] | None = None,
        onPoll: Callable[[Run], None] | None = None,
    ) -> list[CaseResult]:
        """Segment every case below a folder into files; cases whose segmentation is there already are skipped.

        Args:
            folder: cases lie below it, four volumes each, named like ``Case_t1ce.nii.gz``.
            output: gets ``CASE.seg.nrrd``, ``CASE.csv`` and ``CASE.html``; nothing is overwritten.
            model, device, register, tta: as for ``startSegmentation``.
            scene: used for one case at a time; the application's by default.
            onCase: called after every case.
            onPoll: as for ``run``.

        Returns:
            What became of every case; one that fails does not stop the others.

        Raises:
            BadInputError: there is no case below the folder, or two would have files of the same name.
            ModelError: the model cannot be used.
            OSError: the output folder cannot be made.
        """
        from .batch import segmentCases

        required = read_spec(modelstore.find_model(model)).channels
        return segmentCases(
            slicer.mrmlScene if scene is None else scene,
            Path(folder),
            Path(output),
            required,
            lambda nodes: self.run(nodes, model, device, register=register, tta=tta, onPoll=onPoll).outcome,
            onCase or (lambda case: None),
        )

    def resultOf(self, segmentation: slicer.vtkMRMLSegmentationNode) -> StoredResult:
        """Everything that belongs to a segmentation of ours, also after the scene was saved and loaded."""
        return resultOf(segmentation)

    def exportTable(self, table: slicer.vtkMRMLTableNode, path: str | os.PathLike[str]) -> Path:
        """Write the table of a result as a CSV file; ``OSError`` if that fails."""
        return result_table.exportTable(table, path)

    def reportFile(self, segmentation: slicer.vtkMRMLSegmentationNode) -> Path | None:
        """The report of a result as a temporary file to be opened; None without one."""
        return report.reportFile(segmentation)

    def saveReport(self, segmentation: slicer.vtkMRMLSegmentationNode, path: str | os.PathLike[str]) -> Path:
        """Write the report of a result; ``BadInputError`` without one, ``OSError`` if it cannot be written."""
        return report.saveReport(segmentation, path)

    def _ask(self, request: dict[str, Any], files: RunFiles | None = None) -> Any:
        try:
            return self._service.ask(request)
        except OSError as error:
            if files is not None:
                files.remove()
            raise TumorSegError(startSentence(error)) from error
