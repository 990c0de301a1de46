"""A whole run on small cases with exact expected labels, on every kind of grid; and on a real case."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from support.cases import SMALL, expected_threshold_labels, small_case
from support.models import constant_model, threshold_model
from tumorseg import __version__
from tumorseg.alignment import ALIGN_STAGE
from tumorseg.calibration import calibrated, with_calibration, without_calibration
from tumorseg.case_files import find_case, read_case
from tumorseg.errors import BadInputError
from tumorseg.guided import as_guide
from tumorseg.images import read_labels
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model, PostProcessing, load_model
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Inferred, Options, Result, finish, infer, prepare, segment
from tumorseg.progress import STAGES, Progress
from tumorseg.regions import UNDIVIDED, region_mask
from tumorseg.tiles import Tiling
from tumorseg.volume import Geometry, Volume

CPU = Options(device="cpu")

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)
GRIDS = {
    "identity": SMALL,
    "flipped": replace(SMALL, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)),
    "swapped axes": replace(SMALL, direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)),
    "oblique and left-handed": replace(SMALL, direction=OBLIQUE),
}


@pytest.mark.parametrize("name", GRIDS)
def test_labels_are_exact_on_every_grid_that_needs_no_resampling(name: str) -> None:
    case = small_case(GRIDS[name])
    result = segment(case, threshold_model(), CPU)
    assert result.geometry == GRIDS[name]
    np.testing.assert_array_equal(result.labels, expected_threshold_labels(case["t1ce"]))
    assert set(np.unique(result.labels)) == {0, 1, 2, 3}


def test_an_anisotropic_grid_gets_its_labels_on_its_own_voxels() -> None:
    geometry = Geometry((10, 44, 44), spacing=(0.5, 0.5, 2.0))
    case = small_case(geometry)
    result = segment(case, threshold_model(), CPU)
    assert result.labels.shape == geometry.shape
    expected = expected_threshold_labels(case["t1ce"])
    # Interpolation smooths single voxels, so the labels cannot be equal; the core is large enough to compare.
    found, wanted = region_mask(result.labels, "TC"), region_mask(expected, "TC")
    assert 2 * np.sum(found & wanted) / (np.sum(found) + np.sum(wanted)) > 0.9


def test_measurements_follow_from_the_labels() -> None:
    result = segment(small_case(), threshold_model(), CPU)
    for region in ("WT", "TC", "ET"):
        voxels = int(region_mask(result.labels, region).sum())
        assert result.measurements[region].volume_ml == pytest.approx(voxels / 1000)


def test_progress_runs_through_all_stages_in_order() -> None:
    reports: list[Progress] = []
    result = segment(small_case(), threshold_model(), CPU, reports.append)
    stages = list(dict.fromkeys(report.stage for report in reports))
    usual = tuple(stage for stage in STAGES if stage != ALIGN_STAGE)
    assert tuple(stages) == usual == tuple(result.seconds)
    assert {report.device for report in reports if report.stage == "predict"} == {"cpu", None}


def test_provenance_tells_how_the_result_came_about() -> None:
    case = small_case()
    case["t2"] = replace(case["t2"], provenance={"uids": "1.2.3"})
    provenance = segment(case, threshold_model(), Options("cpu", tta=True)).provenance
    expected = {
        "software": f"TumorSegU-Net {__version__}",
        "model": "threshold 1.0",
        "model_sha256": "0" * 64,
        "device": "cpu",
        "memory_rung": "tiles of 8 x 8 x 8 voxels on cpu",
        "tta": "yes",
        "thresholds": "WT > 0.5, TC > 0.5, ET > 0.5",
        "input_t1ce": "Case_t1ce.nii.gz",
        "input_t2_uids": "1.2.3",
    }
    assert expected.items() <= provenance.items()
    assert "remarks" not in provenance
    always = replace(threshold_model(), spec=replace(threshold_model().spec, tta=True))
    assert segment(case, always, CPU).provenance["tta"] == "yes"
    assert segment(case, threshold_model(), CPU).provenance["tta"] == "no"
    assert all(isinstance(value, str) for value in provenance.values())


def test_a_model_can_look_for_what_differs_from_the_other_half() -> None:
    case, one_sided, both_sided = small_case(), np.s_[4:8, 9:13, 16:19], np.s_[16:18, 9:13, 9:14]
    array = case["t1ce"].array.copy()
    array[12:] += 300 * (array[12:] > 0)
    array[one_sided] += 600
    case["t1ce"] = replace(case["t1ce"], array=array)
    plain, compared = (
        segment(case, threshold_model((0.8, 0.8, 0.8), other_half=other_half), CPU).labels
        for other_half in (False, True)
    )
    assert plain[one_sided].all()
    assert plain[both_sided].all()
    assert compared[one_sided].all()
    assert not compared[both_sided].any()


FINER = {
    **GRIDS,
    "thick slices": replace(SMALL, shape=(10, 44, 48), spacing=(0.5, 0.5, 2.0)),
}


def coarse_model(guides: tuple[str, ...], spacing: float = 2.0) -> Model:
    """Finds what is bright in T1ce, at voxels of a size."""
    model = threshold_model((0.8, 0.8, 0.8))
    return replace(model, spec=replace(model.spec, spacing=(spacing,) * 3, guides=guides))


def bar_case(geometry: Geometry = SMALL) -> tuple[dict[str, Volume], npt.NDArray[np.bool_]]:
    """A small case whose T1ce has a bright bar, the borders of which lie within voxels of 2 mm."""
    case = small_case(geometry)
    z, y, x = np.indices(geometry.shape) * np.reshape(geometry.spacing[::-1], (3, 1, 1, 1))
    bar = (z > 6.5) & (z < 11.5) & (y > 6.4) & (y < 13.4) & (x > 4.6) & (x < 17.6)
    inside = np.where(case["t1ce"].array > 0, 100, 0)
    noise = np.random.default_rng(0).normal(0, 2, geometry.shape)
    case["t1ce"] = replace(case["t1ce"], array=(np.where(bar, 300, inside) + noise * (inside > 0)).astype(np.float32))
    return case, bar


@pytest.mark.parametrize("name", FINER)
def test_outlines_follow_the_guides_between_the_networks_voxels(name: str) -> None:
    case, bar = bar_case(FINER[name])
    without, followed = (
        np.count_nonzero((segment(case, coarse_model(guides), CPU).labels == 3) != bar) for guides in ((), ("t1ce",))
    )
    assert without > 50
    assert followed < without / 3


def test_a_guide_that_shows_nothing_does_not_help() -> None:
    case, bar = bar_case()
    labels = segment(case, coarse_model(("t2",)), CPU).labels
    assert np.count_nonzero((labels == 3) != bar) > 50


def test_guides_change_nothing_where_the_network_sees_the_volumes_own_voxels() -> None:
    case, _ = bar_case()
    with_guides, without = (segment(case, coarse_model(guides, 1.0), CPU) for guides in (("t1ce", "flair"), ()))
    np.testing.assert_array_equal(with_guides.probabilities, without.probabilities)


@pytest.mark.parametrize("regions", [("WT",), ("WT", "TC", "ET")])
def test_guides_change_nothing_where_there_is_no_tumor(regions: tuple[str, ...]) -> None:
    model = constant_model(dict.fromkeys(regions, 0.05))
    spec = replace(model.spec, spacing=(2.0, 2.0, 2.0))
    with_guides, without = (
        segment(small_case(), replace(model, spec=replace(spec, guides=guides)), CPU) for guides in (("t1ce",), ())
    )
    np.testing.assert_array_equal(with_guides.probabilities, without.probabilities)


def finished(found: npt.NDArray[np.float32], rules: PostProcessing | None = None) -> Result:
    """What follows a network that answered with ``found`` for the case with the bar."""
    spec = coarse_model(("t1ce",)).spec
    spec = replace(spec, postprocessing=rules or spec.postprocessing)
    return finish(prepare(bar_case()[0], spec), spec, Inferred(found, {}, {}))


def soft_answer() -> npt.NDArray[np.float32]:
    """Probabilities of a network that is not sure: the bar is tumor, two thirds of it core, one third enhances."""
    crop = prepare(bar_case()[0], coarse_model(("t1ce",)).spec).crop
    bright = np.clip(crop.channels[1] / 2, 0, 1)
    column = np.arange(bright.shape[-1])
    parts = (0.7, 99), (0.6, 10), (0.3, 8)
    return np.stack([most * bright * (column < end) for most, end in parts]).astype(np.float32)


def test_calibration_comes_after_the_guides_and_moves_no_label() -> None:
    found = soft_answer()
    rules = with_calibration(PostProcessing(thresholds=(0.15, 0.5, 0.2)), (2.0, 1.0, 3.0), (-4.0, -4.0, -4.0))
    plain, moved = finished(found, without_calibration(rules)), finished(found, rules)
    np.testing.assert_array_equal(plain.labels, moved.labels)
    box = plain.labels > 0
    assert set(np.unique(plain.labels)) == {0, 1, 2, 3}
    expected = calibrated(plain.probabilities, rules)[:, box]
    np.testing.assert_allclose(moved.probabilities[:, box], expected, atol=1e-5)


def test_a_core_without_a_whole_tumor_around_it_follows_the_guides_too() -> None:
    found = soft_answer()
    found[0], found[1] = 0, found[0] / 0.7
    labels = finished(found).labels
    assert np.count_nonzero((labels == 1) != bar_case()[1]) < 30


def test_guides_are_those_of_the_model_within_the_brain() -> None:
    case, _ = bar_case()
    prepared = prepare(case, coarse_model(("flair", "t1ce")).spec)
    box, brain = prepared.crop.box, prepared.crop.brain
    for name, guide in zip(("flair", "t1ce"), prepared.guides, strict=True):
        np.testing.assert_array_equal(guide, as_guide(case[name].array[box], brain))
        assert not guide[~brain].any()


def test_outside_of_a_brain_mask_nothing_is_found_and_its_surface_is_no_outline() -> None:
    case, bar = bar_case()
    inside = np.zeros(SMALL.shape, np.float32)
    inside[9:16, 5:16, 4:20] = 1
    mask = Options("cpu", brain_mask=Volume(inside, SMALL, "mask"))
    labels = segment(case, coarse_model(("t1ce",)), mask).labels
    wanted = bar & (inside > 0)
    assert not labels[inside == 0].any()
    assert np.count_nonzero((labels == 3) != wanted) < 0.1 * wanted.sum()


def test_a_model_of_the_whole_tumor_gives_an_undivided_segment() -> None:
    result = segment(small_case(), constant_model({"WT": 0.9}), CPU)
    assert set(np.unique(result.labels)) <= {0, UNDIVIDED}
    assert result.measurements["WT"].volume_ml > 0


def test_nothing_found_is_a_result() -> None:
    result = segment(small_case(), constant_model({"WT": 0.1, "TC": 0.1, "ET": 0.1}), CPU)
    assert not result.labels.any()
    assert result.measurements["WT"].volume_ml == 0


def test_blocking_findings_stop_the_run_before_the_network_with_all_sentences() -> None:
    case = small_case()
    case["t1"] = replace(case["t1"], array=np.full(SMALL.shape, np.nan, np.float32))
    case["flair"] = replace(case["flair"], array=case["t2"].array)
    with pytest.raises(BadInputError) as caught:
        segment(case, threshold_model(), CPU)
    assert len(caught.value.problems) == 2
    assert "NaN" in str(caught.value)
    assert "same image" in str(caught.value)


def test_a_brain_mask_limits_where_the_network_looks() -> None:
    case = small_case()
    half = (case["t1ce"].array != 0).astype(np.float32)
    half[:10] = 0
    mask = Volume(half, SMALL, "mask")
    for model in (threshold_model(), constant_model({"WT": 0.9, "TC": 0.9, "ET": 0.9})):
        result = segment(case, model, Options("cpu", brain_mask=mask))
        assert not result.labels[half == 0].any()
        assert result.labels[half != 0].any()


def test_with_a_brain_mask_nobody_is_asked_to_remove_the_skull() -> None:
    geometry = replace(SMALL, spacing=(9.0, 9.0, 9.0))
    case = {name: replace(volume, array=volume.array + 1) for name, volume in small_case(geometry).items()}
    mask = Volume((small_case(geometry)["t1"].array != 0).astype(np.float32), geometry, "mask")
    model = constant_model({"WT": 0.9, "TC": 0.1, "ET": 0.1})
    model = replace(model, spec=replace(model.spec, spacing=(9.0, 9.0, 9.0)))
    assert "skull" in [finding.code for finding in segment(case, model, CPU).findings]
    masked = segment(case, model, Options("cpu", brain_mask=mask))
    assert "skull" not in [finding.code for finding in masked.findings]


def test_a_step_down_for_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorseg.predictor.ladder", lambda *_: [Rung("cuda", "cuda", Tiling("tiles", (8, 8, 8)))])
    provenance = segment(small_case(), threshold_model(), CPU).provenance
    assert provenance["device_reason"] == "The CPU was asked for."
    assert provenance["remarks"] == (
        "Memory was not enough for tiles of 8 x 8 x 8 voxels on cuda, so the run used tiles of 8 x 8 x 8 voxels on cpu."
    )
    assert provenance["memory_rung"] == "tiles of 8 x 8 x 8 voxels on cpu"
    assert provenance["runtime"].startswith("PyTorch")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (Volume(np.zeros(SMALL.shape, np.float32), SMALL, "mask.nii"), "The brain mask mask.nii is empty"),
        (
            Volume(np.ones((2, 2, 2), np.float32), Geometry((2, 2, 2)), "mask.nii"),
            r"The brain mask mask.nii does not lie over T1ce \(Case_t1ce.nii.gz\)",
        ),
    ],
)
def test_an_unusable_brain_mask_is_named(mask: Volume, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        segment(small_case(), threshold_model(), Options("cpu", brain_mask=mask))


def test_the_shipped_network_finds_the_tumor_of_a_real_case(data_folder: Path) -> None:
    case = read_case(find_case(data_folder / "brats2021" / "BraTS2021_01479"))
    result = segment(case, load_model(find_model()), CPU)
    assert result.geometry == case["t1ce"].geometry
    assert result.labels.shape == (155, 240, 240)
    # The expert outlined 205 mL; this checks that the engine and the weights belong together, not how good they are.
    assert 100 < result.measurements["WT"].volume_ml < 400
    assert result.measurements["ET"].volume_ml > 20


def test_the_outline_of_a_real_enhancing_tumor_is_better_along_t1ce_and_flair(data_folder: Path) -> None:
    folder = data_folder / "brats2021" / "BraTS2021_01478"
    truth = read_labels(folder / "BraTS2021_01478_seg.nii.gz")[0] == 4
    model = load_model(find_model())
    prepared = prepare(read_case(find_case(folder)), model.spec)
    found = infer(prepared, model, CPU)
    results = [finish(case, model.spec, found).labels == 3 for case in (prepared, replace(prepared, guides=()))]
    followed, plain = (2 * (mask & truth).sum() / (mask.sum() + truth.sum()) for mask in results)
    assert followed > plain + 0.05


def test_the_shipped_network_finds_tumors_at_mirrored_places_of_both_halves(data_folder: Path) -> None:
    """It compares the halves, and must not take what both show for healthy. BraTS is aligned: its columns mirror."""
    folder = data_folder / "brats2021" / "BraTS2021_01477"
    case = read_case(find_case(folder))
    truth = read_labels(folder / "BraTS2021_01477_seg.nii.gz")[0] > 0
    brain = case["flair"].array != 0
    other = truth[..., ::-1] & brain & brain[..., ::-1] & ~truth
    for name, volume in case.items():
        case[name] = replace(volume, array=np.where(other, volume.array[..., ::-1], volume.array))
    labels = segment(case, load_model(find_model()), CPU).labels
    for half in (truth, other):
        assert (labels[half] > 0).mean() > 0.7


def test_a_coarser_network_finds_tumor_up_to_the_surface_of_the_brain() -> None:
    case = small_case(Geometry((20, 22, 24)))
    model = threshold_model((-99.0, 99.0, 99.0))  # the whole field of view is tumor
    model = replace(model, spec=replace(model.spec, spacing=(2.0, 2.0, 2.0)))
    result = segment(case, model)
    np.testing.assert_array_equal(result.labels != 0, case["t1"].array != 0)
    assert not result.probabilities[:, case["t1"].array == 0].any()
