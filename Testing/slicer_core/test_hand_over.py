"""Volumes on their way to the worker: no copy but the one that the worker reads, and that one only once."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import slicer

from support.mrml import random_volume
from support.runs import run_folders
from tumorseg.errors import TumorSegError
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.hand_over import HandOver, handOver
from TumorSegUNetLib.volumes import nodeFromVolume
from TumorSegUNetLib.voxel_files import VoxelFiles

SHAPE = (40, 50, 60)

Nodes = Mapping[str, slicer.vtkMRMLScalarVolumeNode]

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def nodes(scene: slicer.vtkMRMLScene) -> Nodes:
    return {
        name: nodeFromVolume(scene, random_volume(Geometry(SHAPE), name, seed)) for seed, name in enumerate(SEQUENCES)
    }


def file_of(handed: HandOver, sequence: str) -> Path:
    return handed.files.folder / handed.entries[sequence]["file"]


def test_voxels_are_written_straight_from_the_nodes_memory(scene: slicer.vtkMRMLScene) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 1000, SHAPE).astype(np.int16)
    node = nodeFromVolume(scene, Volume(array, Geometry(SHAPE), "t1"))  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        handed = handOver({"t1": node}, VoxelFiles())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    written = np.load(file_of(handed, "t1"))
    assert written.dtype == np.int16
    np.testing.assert_array_equal(written, array)
    assert peak < array.nbytes / 2


def test_a_run_takes_the_voxels_that_its_check_has_written(nodes: Nodes) -> None:
    voxels = VoxelFiles()
    check = handOver(nodes, voxels, keep=True)
    run = handOver(nodes, voxels)
    for name in SEQUENCES:
        assert file_of(run, name).samefile(file_of(check, name))
    check.files.remove()
    again = handOver(nodes, voxels)
    assert file_of(again, "t2").samefile(file_of(run, "t2"))
    np.testing.assert_array_equal(np.load(file_of(again, "t2")), slicer.util.arrayFromVolume(nodes["t2"]))


def test_changed_voxels_are_written_anew(nodes: Nodes) -> None:
    voxels = VoxelFiles()
    check = handOver(nodes, voxels, keep=True)
    slicer.util.arrayFromVolume(nodes["t1"])[:] = 7
    slicer.util.arrayFromVolumeModified(nodes["t1"])
    run = handOver(nodes, voxels)
    assert not file_of(run, "t1").samefile(file_of(check, "t1"))
    assert (np.load(file_of(run, "t1")) == 7).all()
    assert not (np.load(file_of(check, "t1")) == 7).any()


def test_a_moved_volume_has_the_same_voxels_at_another_place(nodes: Nodes) -> None:
    voxels = VoxelFiles()
    check = handOver(nodes, voxels, keep=True)
    nodes["t1"].SetOrigin(10, 20, 30)
    run = handOver(nodes, voxels)
    assert file_of(run, "t1").samefile(file_of(check, "t1"))
    assert run.entries["t1"]["origin"] == [-10, -20, 30]
    assert check.entries["t1"]["origin"] == [0, 0, 0]


def test_only_the_voxels_checked_last_are_kept(nodes: Nodes, temporary: Path) -> None:
    voxels = VoxelFiles()
    handOver(nodes, voxels, keep=True).files.remove()
    [kept] = run_folders(temporary)
    assert len(list(kept.iterdir())) == len(SEQUENCES)
    handOver({"t1": nodes["t1"]}, voxels, keep=True).files.remove()
    assert len(list(kept.iterdir())) == 1
    voxels.forget()
    assert run_folders(temporary) == []


def test_voxels_that_the_system_holds_are_deleted_later(
    nodes: Nodes, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows while the worker has another name of the same file mapped."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "used by another process")

    voxels = VoxelFiles()
    handOver(nodes, voxels, keep=True).files.remove()
    [kept] = run_folders(temporary)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        check = handOver({"t1": nodes["t1"]}, voxels, keep=True)
    assert len(list(kept.iterdir())) == len(SEQUENCES)
    check.files.remove()
    assert len(list(kept.iterdir())) == 1


def test_runs_alone_keep_nothing(nodes: Nodes, temporary: Path) -> None:
    handOver(nodes, VoxelFiles()).files.remove()
    assert run_folders(temporary) == []


def test_a_disk_without_hard_links_gets_copies(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    voxels = VoxelFiles()
    check, run = handOver(nodes, voxels, keep=True), handOver(nodes, voxels)
    assert not file_of(run, "t1").samefile(file_of(check, "t1"))
    np.testing.assert_array_equal(np.load(file_of(run, "t1")), np.load(file_of(check, "t1")))


def test_kept_voxels_that_somebody_has_deleted_are_written_again(nodes: Nodes, temporary: Path) -> None:
    voxels = VoxelFiles()
    handOver(nodes, voxels, keep=True).files.remove()
    [kept] = run_folders(temporary)
    for file in kept.iterdir():
        file.unlink()
    run = handOver(nodes, voxels)
    np.testing.assert_array_equal(np.load(file_of(run, "t1")), slicer.util.arrayFromVolume(nodes["t1"]))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    nodes: Nodes, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(TumorSegError, match=r"cannot be started .*No space left"):
        handOver(nodes, VoxelFiles())
    assert run_folders(temporary) == []
