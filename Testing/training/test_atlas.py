"""Brains from atlases: how they look, where they lie, what is drawn and refused, and that they can be trained on."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from support.small_atlas import SHAPE, SPACING_MM, write_small_atlas
from support.small_data import write_data
from tumorseg.errors import BadInputError
from tumorseg.images import read_volume, to_image, write_image
from tumorseg.phantom import Patient, draw_spec, write_patient
from tumorseg.phantom.anatomy import individual_positions
from tumorseg.phantom.contrast import draw_contrasts
from tumorseg.phantom.noise import stream
from tumorseg.phantom.space import brain_box, image_grid
from tumorseg.volume import FloatArray
from tumorseg_training.atlas import patient as patient_module
from tumorseg_training.atlas.anatomy import STANDARD_CENTRE, Atlas, at
from tumorseg_training.atlas.look import CEREBELLUM, draw_look
from tumorseg_training.atlas.patient import Brain, bent_brain, make_atlas_patient
from tumorseg_training.atlas.reading import read_atlases
from tumorseg_training.audit import audit
from tumorseg_training.cli import main
from tumorseg_training.preparation import Settings, prepare_folder

SEED = 4

GRID = brain_box(image_grid(SHAPE, SPACING_MM))[1]

coarse = partial(make_atlas_patient, shape=SHAPE, spacing=SPACING_MM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_atlas(tmp_path_factory.mktemp("data") / "atlas")


@pytest.fixture(scope="module")
def atlases(folder: Path) -> list[Atlas]:
    return read_atlases(folder)


@pytest.fixture(scope="module")
def patient(atlases: list[Atlas]) -> Patient:
    return coarse(atlases, SEED)


@pytest.fixture(scope="module")
def brain(atlases: list[Atlas]) -> Brain:
    return bent_brain(atlases[0], draw_spec(SEED), GRID)


def test_four_sequences_of_one_brain_without_a_tumor(patient: Patient) -> None:
    inside = patient.tissues > 0
    assert set(patient.images) == {"t1", "t1ce", "t2", "flair"}
    for image in patient.images.values():
        assert image.shape == SHAPE
        assert image.dtype == np.float32
        assert image[inside].min() >= 1
        assert not image[~inside].any()
    assert patient.labels.dtype == np.uint8
    assert not patient.labels.any()
    assert 1.0 < inside.sum() * SPACING_MM**3 / 1e6 < 1.9  # liters


@pytest.mark.parametrize(("sequence", "order"), [("t1", (1, 2, 3)), ("t2", (3, 2, 1)), ("flair", (1, 3, 2))])
def test_tissues_have_the_order_of_the_sequence(brain: Brain, sequence: str, order: tuple[int, ...]) -> None:
    value = brain.brightness(sequence, draw_contrasts(draw_spec(SEED))[sequence])
    classes = brain.tissues.classes()
    means = [float(np.median(value[classes == tissue])) for tissue in order]
    assert means == sorted(means)


def test_a_seed_is_a_person(atlases: list[Atlas], patient: Patient) -> None:
    again, other = coarse(atlases, SEED), coarse(atlases, SEED + 1)
    for sequence, image in patient.images.items():
        np.testing.assert_array_equal(image, again.images[sequence])
    assert np.mean(patient.tissues != other.tissues) > 0.02


def test_files_of_either_orientation_are_the_same_brain(atlases: list[Atlas]) -> None:
    labels, maps = atlases
    assert (labels.geometry.orientation, maps.geometry.orientation) == ("LPS", "RAS")
    places = np.random.default_rng(0).uniform(-40, 40, (3, 200)).astype(np.float32)
    both = [at(atlas.surface, atlas.indices(places, mirrored=False)) for atlas in atlases]
    np.testing.assert_allclose(*both, atol=1e-3)


def test_the_middle_of_the_atlas_is_the_middle_of_the_standard_brain(atlases: list[Atlas]) -> None:
    for atlas in atlases:
        shown = np.argwhere(atlas.surface <= 0)
        middle = atlas.indices(np.array(STANDARD_CENTRE, np.float32), mirrored=True)
        np.testing.assert_allclose(middle, (shown.min(axis=0) + shown.max(axis=0)) / 2, atol=1e-3)


def test_mirroring_shows_the_other_side(atlases: list[Atlas]) -> None:
    left, right = np.array([[10, 10], [20, 20], [30, -30]], np.float32).T
    atlas = atlases[0]
    np.testing.assert_allclose(atlas.indices(left, mirrored=True), atlas.indices(right, mirrored=False), atol=1e-3)
    assert atlas.indices(left, mirrored=False)[2] > atlas.indices(right, mirrored=False)[2]  # x points to the left
    assert {draw_look(seed).mirrored for seed in range(20)} == {True, False}


def test_no_brain_is_folded() -> None:
    field = np.stack(individual_positions(draw_spec(SEED), stream(SEED, "brain")))
    slopes = np.stack([np.stack(np.gradient(axis[::2, ::2, ::2], 4.0)) for axis in field])  # the grid has 2 mm
    assert np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1))).min() > 0.1


def test_the_cerebellum_may_be_brighter_and_is_alone(brain: Brain) -> None:
    contrast = draw_contrasts(draw_spec(SEED))["flair"]
    dark, bright = (
        replace(brain, look=replace(brain.look, cerebellum={"flair": level})).brightness("flair", contrast)
        for level in (0.0, 0.3)
    )
    inside = (brain.cerebellum == 1) & (brain.tissues.csf == 0)
    np.testing.assert_allclose(bright[inside], 1.3 * dark[inside], rtol=1e-5)
    np.testing.assert_array_equal(bright[brain.cerebellum == 0], dark[brain.cerebellum == 0])
    volume = (brain.cerebellum > 0.5).sum() * SPACING_MM**3 / 1000
    assert 80 < volume < 250  # mL


def test_the_cerebellum_varies_as_stated_and_on_t2_and_flair_alike() -> None:
    drawn = np.array([[draw_look(seed).cerebellum[name] for name in CEREBELLUM] for seed in range(400)])
    np.testing.assert_allclose(drawn.mean(axis=0), [mean for mean, _ in CEREBELLUM.values()], atol=0.03)
    np.testing.assert_allclose(drawn.std(axis=0), [sd for _, sd in CEREBELLUM.values()], rtol=0.12)
    together = np.corrcoef(drawn.T)
    assert 0.6 < together[2, 3] < 0.8
    assert abs(together[0, 3]) < 0.15


def test_the_texture_of_the_atlas_is_seen_as_drawn(brain: Brain) -> None:
    contrast = draw_contrasts(draw_spec(SEED))["t2"]

    def slope(strength: float) -> float:
        look = replace(brain.look, detail={"t2": strength}, cerebellum={"t2": 0.0})
        value = replace(brain, look=look).brightness("t2", contrast)
        plain = replace(brain, look=replace(look, detail={"t2": 0.0})).brightness("t2", contrast)
        return float(np.polyfit(brain.detail, value / plain, 1)[0])

    assert brain.detail.std() > 0.005
    assert [slope(-0.5), slope(0.8)] == pytest.approx([-0.5, 0.8], rel=1e-3)
    signs = {np.sign(draw_look(seed).detail["flair"]) for seed in range(20)}
    assert signs == {-1, 1}


def _spoilt(name: str, change: Callable[[FloatArray], FloatArray]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        volume = read_volume(folder / name)
        array = np.ascontiguousarray(change(volume.array))
        write_image(to_image(array, replace(volume.geometry, shape=array.shape)), folder / name)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: [file.unlink() for file in folder.iterdir()], "holds no atlas; it needs sri24_t1_brain.nii.gz"),
        (lambda folder: (folder / "sri24_tissues.nii.gz").unlink(), "lacks sri24_tissues.nii.gz of the atlas SRI24"),
        (lambda folder: (folder / "sri24_t1_brain.nii.gz").write_bytes(b"no"), "sri24_t1_brain.nii.gz"),
        (_spoilt("sri24_tissues.nii.gz", lambda array: array[1:]), "does not lie on the grid of sri24_t1_brain.nii.gz"),
        (_spoilt("mni152_2009a_sym_wm.nii.gz", np.zeros_like), "MNI152 2009a in .* shows no white matter"),
        (_spoilt("sri24_t1_brain.nii.gz", np.zeros_like), "SRI24 in .* shows no brain"),
    ],
    ids=["nothing", "half", "damaged", "grid", "white", "brain"],
)
def test_files_that_cannot_be_used_are_named(
    spoil: Callable[[Path], None], said: str, folder: Path, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(BadInputError, match=said):
        read_atlases(tmp_path)


def test_one_atlas_is_enough(folder: Path, tmp_path: Path) -> None:
    for name in ("sri24_t1_brain.nii.gz", "sri24_tissues.nii.gz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert [atlas.name for atlas in read_atlases(tmp_path)] == ["SRI24"]


def test_the_command_names_cases_after_seeds_and_keeps_them(
    folder: Path,
    patient: Patient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def quickly(atlases: list[Atlas], seed: int) -> Patient:
        assert [atlas.name for atlas in atlases] == ["SRI24", "MNI152 2009a"]
        return replace(patient, spec=draw_spec(seed))

    monkeypatch.setattr(patient_module, "make_atlas_patient", quickly)
    arguments = ["atlas", "--data", str(folder), "--output", str(tmp_path / "out"), "--seed", "7"]
    assert main(arguments) == 0
    assert main([*arguments, "--count", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Atlas_0007: written (seed 7)"
    assert said[1:] == ["Atlas_0007: kept, it is already complete", "Atlas_0008: written (seed 8)"]
    assert len(list((tmp_path / "out" / "Atlas_0008").iterdir())) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count", "0"], "--count must be at least 1 and --seed not negative, got 0 and 0"),
        (["--seed", "-1"], "--count must be at least 1 and --seed not negative, got 1 and -1"),
        (["--output", "{atlas}/out"], "lies in the data folder"),
        (["--data", "{atlas}/none"], "holds no atlas"),
    ],
)
def test_bad_options_are_sentences(
    arguments: list[str], said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(atlas=folder) for word in arguments]
    assert main(["atlas", "--data", str(folder), "--output", str(tmp_path / "out"), *given]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_they_are_prepared_to_train_on_and_nothing_else(patient: Patient, tmp_path: Path) -> None:
    write_patient(replace(patient, spacing=(1.0, 1.0, 1.0)), tmp_path / "atlas", "Atlas_0001")
    data = write_data(tmp_path / "brats", ["Case_1", "Case_2"])
    result = prepare_folder([data], tmp_path / "prepared", Settings(folds=2, test=0), [tmp_path / "atlas"])
    assert result.notes == []
    assert all("Atlas_0001" in split.train for split in result.splits)
    case = next(case for case in result.prepared.cases if case.name == "Atlas_0001")
    assert (case.group, case.undivided) == ("atlas", False)
    assert not case.cached.load()[1].any()


def test_the_audit_says_only_that_there_is_no_tumor(patient: Patient, tmp_path: Path) -> None:
    write_patient(replace(patient, spacing=(1.0, 1.0, 1.0)), tmp_path / "atlas", "Atlas_0001")
    (case,) = audit(tmp_path / "atlas", workers=1, report=lambda done, count: None).cases
    assert case.usable
    # Voxels of 4 mm that are called 1 mm also make a small head.
    assert {finding.code for finding in case.findings} == {"no-tumor", "small-field-of-view"}


def test_the_real_atlases_lie_where_brats_has_its_brains(data_folder: Path) -> None:
    atlases = read_atlases(data_folder / "atlas")
    assert [atlas.name for atlas in atlases] == ["SRI24", "MNI152 2009a"]
    for atlas in atlases:
        ventricles = (atlas.ventricles < 0).sum() / 1000
        assert 3 < ventricles < 40  # mL
        brain = bent_brain(atlas, replace(draw_spec(1), brain_scale=(0.965,) * 3), GRID)
        corners = np.argwhere(brain.mask)
        middle = GRID.first + SPACING_MM * (corners.min(axis=0) + corners.max(axis=0)) / 2
        np.testing.assert_allclose(middle, (5.5, 12.0, 0.0), atol=6)  # of the box; mm along z, y and x
        assert 1.2 < brain.mask.sum() * SPACING_MM**3 / 1e6 < 1.7  # liters
