"""Volume files to nodes, as the application reads them; works without its input/output manager, too."""

from __future__ import annotations

from pathlib import Path

import slicer

from tumorseg.errors import BadInputError
from tumorseg.images import read_volume


def loadVolumeFile(scene: slicer.vtkMRMLScene, path: Path, name: str) -> slicer.vtkMRMLScalarVolumeNode:
    """Add the volume of a file to the scene.

    Args:
        scene: where the node is added.
        path: of a file that Slicer's volume reader knows (NIfTI, NRRD, MetaImage, ...).
        name: of the node; made unique.

    Raises:
        BadInputError: the file cannot be read, or not as a whole: Slicer's reader fills what is missing with zeros
            without a word. Nothing is added then.
    """
    read_volume(path)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    storage.SetSingleFile(True)
    if not storage.ReadData(node):
        scene.RemoveNode(node)
        scene.RemoveNode(storage)
        raise BadInputError(f"{path} cannot be read as a volume; check the file.")
    node.SetAndObserveStorageNodeID(storage.GetID())
    node.CreateDefaultDisplayNodes()
    return node
