"""Pictures show the patient's right at the left, the case's own voxels, and predictions where they belong."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from support.cases import SMALL
from support.grids import OBLIQUE
from support.small_data import NESTED, write_data, write_labelled
from tumorseg.errors import BadInputError
from tumorseg.grids import reoriented
from tumorseg.images import write_labels
from tumorseg.regions import SEGMENTS
from tumorseg.volume import Geometry
from tumorseg_training.figures.anatomy import label_panel, modalities, overlay, planes
from tumorseg_training.figures.canvas import save, show_labels, show_slice, tiles
from tumorseg_training.figures.case_view import (
    EDGES,
    CaseView,
    framed,
    geometry_of_affine,
    load_view,
    plane,
    read_prediction,
)
from tumorseg_training.preparation import Settings, prepare_folder
from tumorseg_training.prepared import Prepared


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two whole cases and one with T1 and FLAIR only."""
    folder = tmp_path_factory.mktemp("views")
    data = write_data(folder / "data", ["Case_0", "Case_1"])
    write_labelled(data / "Part", 9, ("t1", "flair"), (NESTED > 0).astype(np.uint8) * 5)
    return prepare_folder([data], folder / "prepared", Settings(folds=2, test=0)).prepared


@pytest.fixture(scope="module")
def view(prepared: Prepared) -> CaseView:
    return load_view(prepared, prepared.cases[0])


@pytest.mark.parametrize(
    ("name", "voxel", "corner"),
    [
        # The voxel (z, y, x) that is farthest to what the edges' letters say: top left corner of the picture.
        ("axial", (1, 0, 0), "RA"),
        ("coronal", (3, 2, 0), "RS"),
        ("sagittal", (3, 0, 3), "AS"),
    ],
)
def test_slices_lie_as_their_letters_say(name: str, voxel: tuple[int, int, int], corner: str) -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    array[voxel] = 1
    assert EDGES[name][0] + EDGES[name][2] == corner
    assert plane(array, name, voxel)[0, 0] == 1


def test_frames_keep_the_slice_in_the_middle() -> None:
    np.testing.assert_array_equal(framed(np.ones((1, 2)), (3, 5)), np.pad(np.ones((1, 2)), ((1, 1), (1, 2))))


def test_a_view_is_black_outside_the_brain_and_cut_at_the_tumor(view: CaseView) -> None:
    assert list(view.images) == ["t1", "t1ce", "t2", "flair"]
    for image in view.images.values():
        assert (image.min(), image.max()) == (0, 1)
        assert image[0, 0, 0] == 0
    z, y, x = view.position()
    assert view.labels[z, y, x] in (1, 3)
    empty = np.zeros_like(view.labels)
    assert view.position(empty) == tuple(size // 2 for size in empty.shape)


def test_the_geometry_comes_back_from_its_matrix() -> None:
    assert geometry_of_affine(OBLIQUE.index_to_lps, OBLIQUE.shape).matches(OBLIQUE)


def test_predictions_are_brought_to_the_crop_whatever_their_orientation(view: CaseView, tmp_path: Path) -> None:
    direction = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    _, ny, nx = SMALL.shape
    x, y, z = SMALL.origin
    ras = Geometry(SMALL.shape, (x + nx - 1, y + ny - 1, z), direction=direction)
    for name, labels, geometry in (("lps", NESTED, SMALL), ("ras", reoriented(NESTED, SMALL, ras), ras)):
        write_labels(labels, geometry, tmp_path / f"{name}.nii.gz")
        np.testing.assert_array_equal(read_prediction(tmp_path / f"{name}.nii.gz", view), view.labels)


def test_labels_have_the_colors_of_the_segments() -> None:
    _, ((axes,),) = tiles(1, 1, ["title"], (2, 2))
    show_slice(axes, np.zeros((60, 60), np.float32), "axial", 1.0)
    show_labels(axes, np.array([[0, 1], [2, 3]], np.uint8), opacity=0.5)
    colored = axes.images[-1].get_array()
    assert colored is not None
    for label, pixel in ((1, (0, 1)), (2, (1, 0)), (3, (1, 1))):
        np.testing.assert_allclose(colored[pixel], (*SEGMENTS[label].color, 0.5))
    assert colored[0, 0, 3] == 0
    assert [text.get_text() for text in axes.texts] == ["R", "L", "A", "P", "50 mm"]
    bar = axes.lines[0].get_xdata()
    assert bar[1] - bar[0] == 50


def test_the_bar_has_its_length_in_the_voxels_of_the_case() -> None:
    _, ((axes,),) = tiles(1, 1, ["title"], (2, 2))
    show_slice(axes, np.zeros((60, 60), np.float32), "axial", 2.0)
    bar = axes.lines[0].get_xdata()
    assert (bar[1] - bar[0], axes.texts[-1].get_text()) == (25, "50 mm")


def test_the_bar_does_not_change_the_scale_of_a_small_slice() -> None:
    _, ((first, second),) = tiles(1, 2, ["", ""], (2, 2))
    show_slice(first, np.zeros((50, 50), np.float32), "axial", 1.0)
    show_slice(second, np.zeros((50, 50), np.float32), "axial")
    assert first.get_xlim() == second.get_xlim()
    assert first.texts[-1].get_text() == "10 mm"


def _titles(figure: Figure) -> list[str]:
    return [title for axes in figure.axes if (title := axes.get_title())]


def test_the_figures_of_a_case_show_what_it_has(prepared: Prepared, view: CaseView, tmp_path: Path) -> None:
    partial = load_view(prepared, next(case for case in prepared.cases if case.name == "Part"))
    assert _titles(modalities(view)) == ["T1", "T1ce", "T2", "FLAIR"]
    assert _titles(overlay(partial)) == ["T1", "FLAIR"]
    assert _titles(planes(view)) == ["Axial", "Coronal", "Sagittal"]
    assert _titles(label_panel(view))[:2] == ["T1ce", "All labels"]
    assert _titles(label_panel(view))[2:] == [SEGMENTS[label].name for label in (1, 2, 3)]
    assert _titles(label_panel(partial)) == ["FLAIR", "All labels", "Whole tumor"]
    save(planes(partial), tmp_path / "planes.svg")
    assert "<svg" in (tmp_path / "planes.svg").read_text()


def test_a_damaged_cache_is_told(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", ["Case_0", "Case_1"])
    prepared = prepare_folder([data], tmp_path / "prepared", Settings(folds=2, test=0)).prepared
    prepared.cases[0].cached.sidecar.write_text("{")
    with pytest.raises(BadInputError, match=r"The cache of Case_0 in .*prepared is damaged; prepare the data again"):
        load_view(prepared, prepared.cases[0])
