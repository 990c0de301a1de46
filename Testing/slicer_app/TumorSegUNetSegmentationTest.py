"""Self-test for the full application: MRML round trips, the worker process and a segmentation, without a panel."""

import time
import unittest

import numpy as np
import slicer
from panel_driver import requirePackages

import tumorseg
from tumorseg.errors import TumorSegError
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.brain_masks import viewOfMask
from TumorSegUNetLib.dependencies import ensureTorch, torchInstalled
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.segmentations import createSegmentationNode, labelsFromNode
from TumorSegUNetLib.volumes import nodeFromVolume, viewOfNode

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)
"""Turned about the z axis and left-handed."""


def addPatient(shape: tuple = (32, 32, 32)) -> dict:
    """Four volumes of a cube of noise with a bright ball in T1ce, 2 mm voxels."""
    geometry = Geometry(shape, origin=(5, 6, 7), spacing=(2, 2, 2), direction=OBLIQUE)
    z, y, x = np.indices(shape) - 16
    rng = np.random.default_rng(0)
    nodes = {}
    for name in SEQUENCES:
        array = np.where(np.maximum.reduce(np.abs([z, y, x])) < 12, 100 + rng.normal(0, 5, shape), 0)
        array[(z**2 + y**2 + x**2 < 25) & (name == "t1ce")] = 400
        nodes[name] = nodeFromVolume(slicer.mrmlScene, Volume(array.astype(np.float32), geometry, name))
    return nodes


class TumorSegUNetSegmentationTest(unittest.TestCase):
    """Each test starts from an empty scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.logic = TumorSegUNetLogic()
        self.addCleanup(self.logic.shutdown)

    def test_volumesKeepVoxelsAndPlace(self) -> None:
        geometry = Geometry((4, 5, 6), origin=(1, 2, 3), spacing=(0.5, 1, 4), direction=OBLIQUE)
        array = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
        back = viewOfNode(nodeFromVolume(slicer.mrmlScene, Volume(array, geometry, "T1")))
        self.assertTrue(np.array_equal(back.array, array), "voxels changed on the way to a node and back")
        self.assertEqual(back.geometry.differences(geometry), [], "the grid changed on the way to a node and back")

    def test_segmentationLiesBesideItsVolume(self) -> None:
        volume = addPatient()["t1ce"]
        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "patient")
        hierarchy.CreateItem(folder, volume)  # moves the item that the application has made already
        labels = (slicer.util.arrayFromVolume(volume) == 400).astype(np.uint8) * 3
        node = createSegmentationNode(
            slicer.mrmlScene, labels, viewOfNode(volume).geometry, name="tumor", reference=volume, surfaces=True
        )
        self.assertTrue(np.array_equal(labelsFromNode(node), labels), "labels changed on the way to the node")
        self.assertEqual(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)), folder, "not beside the volume")
        surface = node.GetClosedSurfaceInternalRepresentation("ET")
        self.assertIsNotNone(surface, "no closed surface was made")

    def test_brainMaskLiesOverItsVolume(self) -> None:
        """Under a transform of both, as a segmentation of two segments."""
        volume = addPatient()["t1ce"]
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([-1.0, -1.0, 1.0, 1.0])))
        volume.SetAndObserveTransformNodeID(transform.GetID())
        array, grid = slicer.util.arrayFromVolume(volume), viewOfNode(volume).geometry
        labels = (2 * (array > 0) + (array == 400)).astype(np.uint8)
        seen = viewOfMask(createSegmentationNode(slicer.mrmlScene, labels, grid, name="brain", reference=volume))
        there = np.linalg.inv(grid.index_to_lps) @ seen.geometry.index_to_lps
        x, y, z = np.rint(there[:3, 3]).astype(int)
        nz, ny, nx = seen.array.shape
        self.assertTrue(grid.shares_voxels(seen.geometry), "the mask does not have the voxels of its volume")
        self.assertEqual(seen.array.sum(), (array > 0).sum(), "the mask does not have all segments")
        self.assertTrue(np.array_equal(array[z : z + nz, y : y + ny, x : x + nx] > 0, seen.array > 0), "elsewhere")

    def test_pythonOfTheWorkerFindsTheEngine(self) -> None:
        """Without torch, too."""
        question = self.logic.startStatus()
        deadline = time.monotonic() + 120
        while not question.poll() and time.monotonic() < deadline:
            slicer.app.processEvents()
            time.sleep(0.05)
        self.assertTrue(question.ended, "the worker did not answer within 2 minutes")
        self.assertEqual(question.answer.get("engine"), tumorseg.__version__, f"{question.answer}")
        self.assertTrue(question.answer["reason"], "the worker does not say where a run would happen")

    def test_missingTorchIsASentence(self) -> None:
        if torchInstalled():
            self.skipTest("PyTorch is installed")
        with self.assertRaisesRegex(TumorSegError, "PyTorch is (missing|not installed)"):
            ensureTorch(mayInstall=False)

    def test_segmentsAndStaysWarm(self) -> None:
        requirePackages(self, "SimpleITK", "scipy", "torch")
        node = self.logic.segment(addPatient(), device="cpu", onPoll=lambda run: slicer.app.processEvents())
        self.assertEqual(labelsFromNode(node).shape, (32, 32, 32))
        worker = self.logic.workerProcessId
        self.logic.segment(addPatient(), device="cpu")
        self.assertEqual(self.logic.workerProcessId, worker, "the second run started another worker")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 2)

    def test_volumesOnOtherGridsAreRegistered(self) -> None:
        requirePackages(self, "SimpleITK", "scipy", "torch")
        nodes = addPatient()
        nodes["flair"].SetOrigin(*np.add(nodes["flair"].GetOrigin(), (4.0, 0.0, 0.0)))
        run = self.logic.run(nodes, device="cpu", onPoll=lambda run: slicer.app.processEvents())
        registered = [found["volumes"] for found in run.outcome.findings if found["code"] == "registered"]
        self.assertEqual(registered, [["flair"]], f"{run.outcome.findings}")
        motion = np.array(run.outcome.provenance["input_flair_motion"].split(), float).reshape(3, 4)
        self.assertAlmostEqual(motion[0, 3], -4.0, delta=1.0, msg="the FLAIR was not found where it is")
        self.assertEqual(labelsFromNode(run.outcome.segmentation).shape, (32, 32, 32), "not on the grid of the T1ce")

    def test_cancelLeavesNothing(self) -> None:
        run = self.logic.startSegmentation(addPatient(), device="cpu")
        run.cancel()
        self.assertTrue(run.ended, "a cancelled run goes on")
        self.logic.shutdown()
        self.assertIsNone(self.logic.workerProcessId, "a worker is left behind")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)
