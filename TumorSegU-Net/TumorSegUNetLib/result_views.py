"""Shows results in whatever slice views a scene has: background, position, overlay. Needs neither Qt nor a layout."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import slicer

from .diameter_markups import showDiameters
from .hierarchy import examinationItem, nodesByClass
from .result import StoredResult, resultOf
from .segmentations import voxelCounts
from .uncertainty_volume import MADE_BY_US

BACKGROUNDS = ("flair", "t1ce", "t2", "t1")
"""What lies below a result, the first that is there: FLAIR shows all of the tumor."""

OVERLAY_OPACITY = 0.6

FOREGROUND = "TumorSegUNet.foreground"
"""Node reference of a slice view to the volume that our overlay covers."""

FOREGROUND_OPACITY = "TumorSegUNet.foregroundOpacity"
"""Node attribute of a slice view: how opaque that volume was."""


def showResult(segmentation: slicer.vtkMRMLSegmentationNode, background: str | None = None) -> None:
    """Lay a segmentation over its images in all slice views, which jump to the centre of the largest lesion.

    Images of other examinations no longer lie over it then.

    Args:
        segmentation: of ours.
        background: sequence to show; otherwise views of its volumes stay, and the others get FLAIR or what there is,
            first of what did not have to be registered.
    """
    result = resultOf(segmentation)
    scene = segmentation.GetScene()
    _setVisible(segmentation, True)
    volume = _background(result, background)
    kept = () if background else _fitting(result)
    for composite in _composites(scene):
        if volume is not None and scene.GetNodeByID(composite.GetBackgroundVolumeID() or "") not in kept:
            composite.SetBackgroundVolumeID(volume.GetID())
        _uncover(composite, result)
    center = tumorCenter(result)
    if center is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *center, slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def hideResult(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Take a result with its diameters and uncertainty out of all views; it stays in the scene."""
    _setVisible(segmentation, False)
    hideCompanions(segmentation)


def hideCompanions(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Take a result's diameters and uncertainty out of all views, which tell nothing without the segmentation."""
    showDiameters(segmentation, False)
    uncertainty = resultOf(segmentation).uncertainty
    for composite in _composites(segmentation.GetScene()):
        if uncertainty is not None and composite.GetForegroundVolumeID() == uncertainty.GetID():
            _restoreForeground(composite)


def showVolume(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a volume in all slice views, which jump to its middle: those of BraTS lie far from where views begin."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    middle = np.reshape(bounds, (3, 2)).mean(axis=1)
    showBackground(volume.GetScene(), volume)
    slicer.vtkMRMLSliceNode.JumpAllSlices(volume.GetScene(), *middle, slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def showBackground(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a volume in all slice views."""
    for composite in _composites(scene):
        composite.SetBackgroundVolumeID(volume.GetID())


def tumorCenter(result: StoredResult) -> npt.NDArray[np.float64] | None:
    """World RAS (mm) of the centre of the largest lesion, or of all segments; None without a tumor."""
    if result.center is not None:
        return np.array(result.center)
    # Parts too small for a lesion.
    voxels = {segment: count for segment, count in voxelCounts(result.segmentation).items() if count}
    if not voxels:
        return None
    centers = [result.segmentation.GetSegmentCenterRAS(segment) for segment in voxels]
    return np.asarray(np.average(centers, axis=0, weights=list(voxels.values())))


def showUncertainty(scene: slicer.vtkMRMLScene, uncertainty: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Lay the uncertainty of a result over all slice views; None takes whichever is shown away.

    What the user had in the foreground comes back then.
    """
    for composite in _composites(scene):
        covered = _isUncertainty(scene.GetNodeByID(composite.GetForegroundVolumeID() or ""))
        if uncertainty is not None:
            if not covered:
                _rememberForeground(composite)
            composite.SetForegroundVolumeID(uncertainty.GetID())
            composite.SetForegroundOpacity(OVERLAY_OPACITY)
        elif covered:
            _restoreForeground(composite)


def uncertaintyShown(scene: slicer.vtkMRMLScene, uncertainty: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
    """Whether any slice view shows this uncertainty."""
    if uncertainty is None:
        return False
    identifier = uncertainty.GetID()
    return any(
        composite.GetForegroundVolumeID() == identifier and composite.GetForegroundOpacity() > 0
        for composite in _composites(scene)
    )


def _setVisible(segmentation: slicer.vtkMRMLSegmentationNode, visible: bool) -> None:
    display = segmentation.GetDisplayNode()
    if display is not None:
        display.SetVisibility(visible)


def _fitting(result: StoredResult) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """Its volumes that the outlines fit: they lie beside what was drawn where the patient moved in between."""
    moved = result.registration.get("volumes", ())
    return [node for name, node in result.volumes.items() if name not in moved]


def _background(result: StoredResult, wanted: str | None) -> slicer.vtkMRMLScalarVolumeNode | None:
    fitting = _fitting(result)
    volumes = [result.volumes[name] for name in BACKGROUNDS if name in result.volumes]
    order = [result.volumes.get(wanted or ""), *sorted(volumes, key=lambda node: node not in fitting)]
    return next((node for node in order if node is not None), None)


def _uncover(composite: slicer.vtkMRMLSliceCompositeNode, result: StoredResult) -> None:
    """Take images of other examinations away from a view, also what would come back from below our overlay."""
    get = composite.GetScene().GetNodeByID
    foreground = get(composite.GetForegroundVolumeID() or "")
    if _isUncertainty(foreground) and foreground is not result.uncertainty:
        _restoreForeground(composite)
    if not _belongs(get(composite.GetForegroundVolumeID() or ""), result):
        composite.SetForegroundVolumeID(None)
    if not _belongs(get(composite.GetLabelVolumeID() or ""), result):
        composite.SetLabelVolumeID(None)
    if not _belongs(composite.GetNodeReference(FOREGROUND), result):
        composite.SetNodeReferenceID(FOREGROUND, None)


def _belongs(node: slicer.vtkMRMLNode | None, result: StoredResult) -> bool:
    """Whether an image is the result's or of the same examination."""
    if node is None or node in (*result.volumes.values(), result.uncertainty):
        return True
    examination = examinationItem(node)
    return examination != 0 and examination == examinationItem(result.segmentation)


def _composites(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    return nodesByClass(scene, "vtkMRMLSliceCompositeNode")


def _rememberForeground(composite: slicer.vtkMRMLSliceCompositeNode) -> None:
    """Kept at the view itself, so that it is still known after the scene was saved and loaded."""
    composite.SetNodeReferenceID(FOREGROUND, composite.GetForegroundVolumeID())
    composite.SetAttribute(FOREGROUND_OPACITY, str(composite.GetForegroundOpacity()))


def _restoreForeground(composite: slicer.vtkMRMLSliceCompositeNode) -> None:
    composite.SetForegroundVolumeID(composite.GetNodeReferenceID(FOREGROUND))
    composite.SetForegroundOpacity(float(composite.GetAttribute(FOREGROUND_OPACITY) or 0.0))
    composite.SetNodeReferenceID(FOREGROUND, None)
    composite.RemoveAttribute(FOREGROUND_OPACITY)


def _isUncertainty(node: slicer.vtkMRMLNode | None) -> bool:
    return node is not None and node.GetAttribute(MADE_BY_US) is not None
