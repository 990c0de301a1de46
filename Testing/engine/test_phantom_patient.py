"""The synthetic patient: determinism, geometry, labels, mass effect and resolution independence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label, zoom

from tumorseg.phantom import Patient, PatientSpec, draw_spec, make_patient

COARSE = {"shape": (39, 60, 60), "spacing": 4.0}
MEDIUM = {"shape": (78, 120, 120), "spacing": 2.0}


def first_seed(wanted: Callable[[PatientSpec], bool]) -> int:
    return next(seed for seed in range(500) if wanted(draw_spec(seed)))


@pytest.fixture(scope="module")
def patient() -> Patient:
    seed = first_seed(lambda s: s.enhancing and s.tumour_radius > 20 and 4 < s.rim_thickness < 10 and s.n_foci == 1)
    return make_patient(seed, **MEDIUM)


def test_same_seed_gives_bit_identical_patients() -> None:
    first, second = (make_patient(5, **COARSE) for _ in range(2))
    assert first.spec == second.spec
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.tissues, second.tissues)
    for sequence, image in first.images.items():
        np.testing.assert_array_equal(image, second.images[sequence])


def test_different_seeds_give_different_brains() -> None:
    first, second = (make_patient(seed, **COARSE) for seed in (5, 6))
    assert np.mean(first.tissues != second.tissues) > 0.02


def test_arrays_have_the_promised_types_and_shapes(patient: Patient) -> None:
    assert set(patient.images) == {"t1", "t1ce", "t2", "flair"}
    assert {image.dtype for image in patient.images.values()} == {np.dtype(np.float32)}
    assert {image.shape for image in patient.images.values()} == {(78, 120, 120)}
    assert patient.labels.dtype == patient.tissues.dtype == np.uint8
    assert patient.spacing == (2.0, 2.0, 2.0)


def test_images_are_zero_exactly_outside_the_brain(patient: Patient) -> None:
    brain = patient.tissues > 0
    for image in patient.images.values():
        assert not image[~brain].any()
        assert image[brain].min() >= 1
    assert not patient.labels[~brain].any()


def test_brain_has_an_adult_volume_and_all_tissues(patient: Patient) -> None:
    millilitres = np.bincount(patient.tissues.ravel(), minlength=4)[1:] * 8 / 1000
    assert 1000 < millilitres.sum() < 1900
    csf, grey, white = millilitres
    assert 0.9 < grey / white < 2.2
    assert csf > 50


def test_brain_lies_where_brats_has_it(patient: Patient) -> None:
    z, y, x = (np.flatnonzero((patient.tissues > 0).any(axis=axes)) * 2 for axes in ((1, 2), (0, 2), (0, 1)))
    first, last = zip(*((axis[0], axis[-1]) for axis in (z, y, x)), strict=True)
    np.testing.assert_allclose(first, (6, 50, 51), atol=14)
    np.testing.assert_allclose(last, (141, 211, 187), atol=14)


def test_brain_is_nearly_but_not_exactly_symmetric() -> None:
    spec = replace(draw_spec(3), tumour_radius=5.0, n_foci=1, mass_effect=0.0)
    brain = make_patient(3, **COARSE, spec=spec).tissues > 0
    mirrored = brain[..., ::-1]
    overlap = 2 * (brain & mirrored).sum() / (2 * brain.sum())
    assert 0.93 < overlap < 1


@pytest.mark.parametrize("seed", range(8))
def test_every_patient_has_the_tumour_its_spec_announces(seed: int) -> None:
    spec = draw_spec(seed)
    labels = make_patient(seed, shape=(52, 80, 80), spacing=3.0).labels
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    assert (labels == 3).any() == spec.enhancing
    assert ((labels == 1) | (labels == 3)).any()
    assert (labels == 2).any()


def test_without_enhancement_the_core_is_label_1_only() -> None:
    seed = first_seed(lambda s: s.enhancing)
    labels = make_patient(seed, **COARSE, spec=replace(draw_spec(seed), enhancing=False)).labels
    with_rim = make_patient(seed, **COARSE).labels
    np.testing.assert_array_equal(labels == 1, (with_rim == 1) | (with_rim == 3))


def test_oedema_surrounds_a_large_core(patient: Patient) -> None:
    whole = patient.labels > 0
    core = (patient.labels == 1) | (patient.labels == 3)
    assert core.sum() < whole.sum()
    assert label(core)[1] < 30  # one lesion, not dust
    largest = np.bincount(label(core)[0].ravel())[1:].max()
    assert largest > 0.9 * core.sum()


@pytest.mark.parametrize("seed", [11, 42])
def test_several_foci_are_separate(seed: int) -> None:
    spec = replace(draw_spec(seed), n_foci=3, tumour_radius=14.0)
    labels = make_patient(seed, **MEDIUM, spec=spec).labels
    components, _ = label((labels == 1) | (labels == 3))
    sizes = np.bincount(components.ravel())[1:]
    assert (sizes > 10).sum() >= 2


def test_too_many_foci_are_refused() -> None:
    spec = replace(draw_spec(0), n_foci=40, tumour_radius=33.0)
    with pytest.raises(ValueError, match="no room for 40"):
        make_patient(0, **COARSE, spec=spec)


def test_mass_effect_moves_tissue_around_the_tumour_but_not_the_skull() -> None:
    spec = replace(draw_spec(8), tumour_radius=25.0, n_foci=1)
    still, pushed = (make_patient(8, **COARSE, spec=replace(spec, mass_effect=m)) for m in (0.0, 1.0))
    np.testing.assert_array_equal(still.tissues > 0, pushed.tissues > 0)
    assert np.mean(still.tissues[still.tissues > 0] != pushed.tissues[still.tissues > 0]) > 0.03


def test_coarse_labels_are_the_fine_labels_sampled() -> None:
    seed = first_seed(lambda s: s.enhancing and s.tumour_radius > 20)
    fine = make_patient(seed, shape=(78, 120, 120), spacing=2.0).labels > 0
    coarse = make_patient(seed, shape=(39, 60, 60), spacing=4.0).labels > 0
    sampled = zoom(fine.astype(np.float32), 0.5, order=1, grid_mode=True, mode="nearest") > 0.5
    assert 2 * (sampled & coarse).sum() / (sampled.sum() + coarse.sum()) > 0.93


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        draw_spec(-1)
    with pytest.raises(ValueError, match="spacing"):
        make_patient(0, spacing=0.0)


def test_specs_are_broadly_distributed() -> None:
    specs = [draw_spec(seed) for seed in range(400)]
    assert 0.12 < np.mean([not s.enhancing for s in specs]) < 0.28
    assert 0.12 < np.mean([s.n_foci > 1 for s in specs]) < 0.28
    radii = [s.tumour_radius for s in specs]
    assert min(radii) < 6
    assert max(radii) > 31
    assert min(min(s.intensity_scale) for s in specs) >= 300
    assert max(max(s.intensity_scale) for s in specs) <= 3000
