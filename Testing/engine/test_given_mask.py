"""Brain masks as users have them: on the grid of the reference, on another one, elsewhere, or none at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.cases import SMALL, small_case, write_case
from support.grids import OBLIQUE
from support.models import constant_model, saved, threshold_model
from support.moved import HEAD, head_model, head_patient
from support.worker import Event, Script, end_of, worker_request
from tumorseg.cli import main
from tumorseg.finding import Finding
from tumorseg.given_mask import mask_facts, on_grid, placed
from tumorseg.guard import check_case
from tumorseg.images import to_image, write_image
from tumorseg.pipeline import Options, segment
from tumorseg.report_html import html_report
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

Head = dict[str, Volume]

FINE = Geometry((40, 44, 48), (-10.25, 4.75, 29.75), (0.5, 0.5, 0.5))
"""The voxels of ``SMALL``, each cut into eight."""


@pytest.fixture(scope="module")
def brains() -> Head:
    """A synthetic patient at 4 mm, without skull."""
    return head_patient("Case_{sequence}.nii.gz")


@pytest.fixture(scope="module")
def heads(brains: Head) -> Head:
    """The same with something around the brain, 9 L in all."""
    air = np.random.default_rng(0).uniform(1, 9, HEAD.shape).astype(np.float32)
    return {s: replace(v, array=np.where(v.array == 0, air, v.array)) for s, v in brains.items()}


def mask_of(case: Head, name: str = "mask.nii") -> Volume:
    t1 = case["t1"]
    return Volume((t1.array != 0).astype(np.float32), t1.geometry, name)


def shifted(mask: Volume, *millimetres: float) -> Volume:
    x, y, z = np.add(mask.geometry.origin, millimetres).tolist()
    return replace(mask, geometry=replace(mask.geometry, origin=(x, y, z)))


def of_mask(case: Head, mask: Volume) -> list[Finding]:
    return placed(mask, case)[1]


def test_a_mask_on_the_grid_is_taken_as_it_is() -> None:
    mask = mask_of(small_case())
    there, findings = placed(mask, small_case())
    assert there is mask
    assert findings == []
    rounded = replace(mask, geometry=replace(SMALL, origin=(-10.001, 5.0, 30.0)))
    assert on_grid(rounded, SMALL) is rounded


def test_a_mask_on_another_grid_goes_to_the_nearest_voxels() -> None:
    whole = mask_of(small_case())
    fine = Volume(np.kron(whole.array, np.ones((2, 2, 2), np.float32)), FINE, "mask")
    there = on_grid(fine, SMALL)
    assert there.geometry == SMALL
    np.testing.assert_array_equal(there.array, whole.array)
    back = on_grid(replace(whole, array=7 * whole.array), FINE)
    np.testing.assert_array_equal(back.array, fine.array)


def test_a_mask_with_turned_and_cut_axes_has_the_same_voxels(brains: Head) -> None:
    mask = mask_of(brains)
    box = tuple(slice(np.flatnonzero(mask.array.any(axis=a))[0], -1) for a in ((1, 2), (0, 2), (0, 1)))
    cut = replace(mask, array=mask.array[box], geometry=HEAD.crop(box))
    x, y, z = cut.geometry.index_to_lps[:3, :3] @ [n - 1 for n in cut.array.shape[::-1]] + cut.geometry.origin
    turned = replace(cut.geometry, origin=(x, y, z), direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0))
    for stored in (cut, replace(cut, array=np.ascontiguousarray(cut.array[::-1, ::-1, ::-1]), geometry=turned)):
        there, findings = placed(stored, brains)
        assert findings == []  # nothing is interpolated
        assert there is not None
        np.testing.assert_array_equal(there.array, mask.array)


def test_a_mask_on_another_grid_is_noted(brains: Head) -> None:
    (note,) = of_mask(brains, shifted(mask_of(brains), 1.5, 0.0, 0.0))
    assert (note.code, note.severity, note.volumes) == ("mask-resampled", "note", ("t1ce",))
    assert note.sentence == (
        "The brain mask mask.nii is resampled to T1ce (Case_t1ce.nii.gz) where its header says (shifted by 1.5 mm)."
    )


def with_two_positions(case: Head) -> tuple[Head, Volume]:
    """The T1ce where its sform is, 13 mm from its qform, and the mask that a program made with ITK writes of it."""
    mask = shifted(mask_of(case), 12.0, -4.0, 3.0)
    facts = {"position": "sform", "positions_apart_mm": "13.0"}
    return {**case, "t1ce": replace(case["t1ce"], provenance=facts)}, mask


def test_a_mask_at_the_qform_of_the_reference_goes_along_to_the_sform(brains: Head) -> None:
    case, mask = with_two_positions(brains)
    there, findings = placed(mask, case)
    assert there is not None
    assert there.geometry == HEAD
    np.testing.assert_array_equal(there.array, mask.array)
    assert [(note.code, note.severity, note.volumes) for note in findings] == [("mask-moved", "note", ("t1ce",))]
    assert findings[0].sentence == (
        "The brain mask mask.nii lies where the qform of T1ce (Case_t1ce.nii.gz) says, "
        "and was moved to the sform with it."
    )


def test_a_run_takes_the_mask_where_the_check_does(brains: Head) -> None:
    case, mask = with_two_positions(brains)
    model = head_model()
    along, exact = (segment(case, model, Options("cpu", brain_mask=m)) for m in (mask, mask_of(brains)))
    np.testing.assert_array_equal(along.labels, exact.labels)


@pytest.mark.parametrize("millimetres", [8.0, 12.5, 14.0])
def test_a_mask_that_lies_elsewhere_stays_there(brains: Head, millimetres: float) -> None:
    case, _ = with_two_positions(brains)
    mask = shifted(mask_of(brains), millimetres, 0.0, 0.0)
    there, findings = placed(mask, case)
    assert "mask-moved" not in [note.code for note in findings]
    np.testing.assert_array_equal(there and there.array, on_grid(mask, HEAD).array)


def test_the_result_is_that_of_the_exact_mask() -> None:
    case = small_case()
    half = mask_of(case).array.copy()
    half[:10] = 0
    fine = Volume(np.kron(half, np.ones((2, 2, 2), np.float32)), FINE, "mask")
    exact, resampled = (
        segment(case, threshold_model(), Options("cpu", brain_mask=mask)) for mask in (Volume(half, SMALL, "m"), fine)
    )
    np.testing.assert_array_equal(exact.labels, resampled.labels)
    np.testing.assert_array_equal(exact.probabilities, resampled.probabilities)
    assert [finding.code for finding in resampled.findings if "mask" in finding.code] == ["mask-resampled"]
    assert not [finding.code for finding in exact.findings if "mask" in finding.code]


def test_the_check_judges_within_a_mask_on_another_grid(brains: Head, heads: Head) -> None:
    mask = mask_of(brains)
    fine = Geometry((78, 120, 120), (-119.0, -119.0, -77.0), (2.0, 2.0, 2.0))
    finer = on_grid(mask, fine)
    assert [f.code for f in check_case(heads, SEQUENCES)] == ["skull"]
    assert check_case(heads, SEQUENCES, mask) == []
    assert [f.code for f in check_case(heads, SEQUENCES, finer)] == ["mask-resampled"]
    exchanged = {**heads, "t2": heads["flair"], "flair": heads["t2"]}
    assert [f.code for f in check_case(exchanged, SEQUENCES, finer)] == ["swapped", "mask-resampled"]


def test_a_mask_over_nothing_of_the_reference_is_refused(brains: Head) -> None:
    far = shifted(mask_of(brains), 500.0, 0.0, 0.0)
    (finding,) = of_mask(brains, far)
    assert (finding.code, finding.severity) == ("mask-elsewhere", "blocking")
    assert finding.sentence == (
        "The brain mask mask.nii does not lie over T1ce (Case_t1ce.nii.gz). "
        "Give the brain mask of this patient, or register it to the T1ce first."
    )
    assert placed(far, brains)[0] is None
    assert [f.code for f in check_case(brains, SEQUENCES, far)] == ["mask-elsewhere"]


def test_how_much_of_a_mask_has_to_lie_over_the_reference(brains: Head) -> None:
    """A shift along z takes ever more of the brain beyond the volume; it is 4 mm a slice."""
    mask = mask_of(brains)
    counts = np.count_nonzero((mask.array != 0) & (brains["t1ce"].array != 0))
    assert counts == np.count_nonzero(mask.array)
    for slices in range(1, 39):
        inside = np.count_nonzero(mask.array[:-slices] * (brains["t1ce"].array[slices:] != 0))
        share = inside / np.count_nonzero(mask.array)
        codes = {finding.code for finding in of_mask(brains, shifted(mask, 0.0, 0.0, 4.0 * slices))}
        wanted = {"mask-elsewhere"} if share < 0.05 else {"little-of-mask"} if share < 0.5 else set()
        assert codes == wanted, (slices, share)


def test_a_slab_of_the_reference_takes_its_part_of_a_whole_mask(brains: Head) -> None:
    middle = (slice(18, 21), slice(None), slice(None))
    slab = {s: replace(v, array=v.array[middle], geometry=HEAD.crop(middle)) for s, v in brains.items()}
    mask = mask_of(brains)
    there, findings = placed(mask, slab)
    assert there is not None
    np.testing.assert_array_equal(there.array, mask.array[middle])
    assert [finding.code for finding in findings] == ["little-of-mask"]
    assert findings[0].message.startswith("Only ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"array": np.zeros(HEAD.shape, np.float32)},
            "The brain mask mask.nii is empty. Give one that is not 0 inside the brain.",
        ),
        (
            {"provenance": {"patient_id": "B2"}},
            "The brain mask mask.nii belongs to patient B2, T1ce (Case_t1ce.nii.gz) to A1. "
            "Give the brain mask of this patient.",
        ),
        (
            {"geometry": replace(HEAD, spacing=(4000.0, 4.0, 4.0))},
            "The brain mask mask.nii has 60 x 60 x 39 voxels of 4000 x 4 x 4 mm, which no scanner makes. "
            "Check the voxel size and its unit in the header.",
        ),
    ],
)
def test_what_is_no_mask_of_this_patient_blocks(brains: Head, changes: dict[str, Any], sentence: str) -> None:
    case = {s: replace(v, provenance={"patient_id": "A1"}) for s, v in brains.items()}
    mask = replace(mask_of(brains), **changes)
    (finding,) = check_case(case, SEQUENCES, mask)
    assert (finding.severity, finding.sentence) == ("blocking", sentence)
    assert check_case(case, SEQUENCES, replace(mask_of(brains), provenance={"patient_id": "A1"})) == []


def test_a_mask_disturbs_no_finding_of_its_own_volumes(brains: Head) -> None:
    """No volume, or a grid that none can be brought to, is told as without a mask."""
    mask = mask_of(brains)
    assert [f.code for f in check_case({}, SEQUENCES, mask)] == ["missing"]
    impossible = {s: replace(v, geometry=replace(HEAD, spacing=(0.0, 4.0, 4.0))) for s, v in brains.items()}
    assert "impossible-spacing" in [f.code for f in check_case(impossible, SEQUENCES, mask)]


@pytest.mark.parametrize(
    "values", [(0.001, 0.999), (0.0, 0.7), (-1.0, 1.0), (1.0, 2.0), (2.0, 1.0)], ids=lambda v: f"{v[0]} around {v[1]}"
)
def test_a_mask_with_another_number_around_is_read(brains: Head, values: tuple[float, float]) -> None:
    mask = mask_of(brains)
    around, inside = np.float32(values)
    there, findings = placed(replace(mask, array=np.where(mask.array != 0, inside, around)), brains)
    assert findings == []
    assert there is not None
    np.testing.assert_array_equal(there.array, mask.array)


def test_probabilities_count_from_a_half_on(brains: Head) -> None:
    mask = mask_of(brains)
    rim = np.where(mask.array == 0, np.float32(0.4), mask.array)
    np.testing.assert_array_equal(on_grid(replace(mask, array=rim), HEAD).array, mask.array)


def test_the_reverse_of_a_mask_is_refused(brains: Head, heads: Head) -> None:
    reverse = replace(mask_of(brains), array=1 - mask_of(brains).array)
    assert "mask-elsewhere" in [f.code for f in check_case(brains, SEQUENCES, reverse) if f.severity == "blocking"]
    (finding,) = [f for f in check_case(heads, SEQUENCES, reverse) if f.severity == "blocking"]
    assert finding.sentence.endswith(" L and reaches the edges of its grid. Give one that is 0 outside the brain.")


def test_a_mask_of_everything_is_refused(brains: Head) -> None:
    everything = replace(mask_of(brains), array=np.ones(HEAD.shape, np.float32))
    assert [f.code for f in of_mask(brains, everything) if f.severity == "blocking"] == ["no-mask"]


def test_a_mask_of_less_than_half_of_a_brain_is_doubted(brains: Head) -> None:
    small = mask_of(brains)
    small.array[:22] = 0
    assert [f.code for f in of_mask(brains, small)] == ["little-in-mask"]


def test_a_mask_of_a_part_of_a_brain_is_doubted_by_its_name(brains: Head) -> None:
    small = mask_of(brains, "tumor.nii")
    kept = np.zeros_like(small.array)
    kept[20:30, 20:30, 20:30] = small.array[20:30, 20:30, 20:30]
    (finding,) = [f for f in check_case(brains, SEQUENCES, replace(small, array=kept)) if f.code == "small-brain"]
    assert finding.message.startswith("Within the brain mask tumor.nii the volumes show only ")
    assert finding.remedy.startswith("Check that it is a mask of the whole brain;")


def test_provenance_and_report_say_which_mask_was_used() -> None:
    case = small_case()
    mask = replace(mask_of(case), provenance={"file": "/here/mask.nii", "sha256": "ab12"})
    result = segment(case, constant_model({"WT": 0.9, "TC": 0.1, "ET": 0.1}), Options("cpu", brain_mask=mask))
    told = {key: value for key, value in result.provenance.items() if key.startswith("brain_mask")}
    size = f"{np.count_nonzero(mask.array) / 1000:.1f}"
    assert told == {
        "brain_mask": "mask.nii",
        "brain_mask_file": "/here/mask.nii",
        "brain_mask_sha256": "ab12",
        "brain_mask_volume_ml": size,
    }
    report = html_report(result, case, None, "Case")
    assert '<th scope="row">Brain mask</th><td>mask.nii</td>' in report
    assert '<th scope="row">Brain mask SHA-256</th><td>ab12</td>' in report
    assert f'<th scope="row">Brain mask volume mL</th><td>{size}</td>' in report
    assert mask_facts(None) == {}


def test_the_command_takes_a_mask_on_another_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = small_case()
    write_case(case, tmp_path / "Case")
    fine = np.kron(mask_of(case).array, np.ones((2, 2, 2), np.float32))
    write_image(to_image(fine, FINE), tmp_path / "fine.nii.gz")
    far = replace(OBLIQUE, origin=(900.0, 0.0, 0.0))
    write_image(to_image(np.ones(far.shape, np.float32), far), tmp_path / "far.nii.gz")
    common = ["--case", str(tmp_path / "Case"), "--model", str(saved(threshold_model(), tmp_path)), "--brain-mask"]
    output = ["--output", str(tmp_path / "out.nii.gz")]
    assert main(["segment", *common, str(tmp_path / "fine.nii.gz"), *output]) == 0
    assert "note: The brain mask fine.nii.gz is resampled to T1ce (Case_t1ce.nii.gz)" in capsys.readouterr().err
    assert main(["check", *common, str(tmp_path / "fine.nii.gz"), "--json"]) == 0
    assert "mask-resampled" in [finding["code"] for finding in json.loads(capsys.readouterr().out)]
    for command in (["segment", *output], ["check"]):
        assert main([*command[:1], *common, str(tmp_path / "far.nii.gz"), *command[1:]]) == 2
        told = "".join(capsys.readouterr())
        assert "The brain mask far.nii.gz does not lie over T1ce (Case_t1ce.nii.gz)." in told


def with_mask(request: dict[str, Any], mask: Volume) -> dict[str, Any]:
    """A request with a mask of whole numbers, as 3D Slicer has them."""
    np.save(Path(request["folder"]) / "mask.npy", mask.array.astype(np.uint8))
    grid = mask.geometry
    where = {"origin": grid.origin, "spacing": grid.spacing, "direction": grid.direction}
    return {**request, "brain_mask": {"file": "mask.npy", "name": mask.name, "provenance": {"node": "mask"}, **where}}


def test_the_worker_looks_within_the_mask(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    case = small_case()
    half = mask_of(case)
    half.array[:10] = 0
    script.send(**with_mask(worker_request(tmp_path, saved(threshold_model(), tmp_path), case), half))
    result = end_of("1", next_event)
    assert result["event"] == "result", result
    labels = np.load(tmp_path / result["labels"])
    expected = segment(case, threshold_model(), Options("cpu", brain_mask=half)).labels
    np.testing.assert_array_equal(labels, expected)
    assert (result["provenance"]["brain_mask"], result["provenance"]["brain_mask_node"]) == ("mask.nii", "mask")


def test_the_workers_check_judges_within_the_mask(
    tmp_path: Path, heads: Head, brains: Head, inside: tuple[Script, Callable[[], Event]]
) -> None:
    script, next_event = inside
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path), heads, request="check")
    script.send(**{**request, "id": "bare"})
    assert [finding["code"] for finding in end_of("bare", next_event)["findings"]] == ["skull"]
    script.send(**with_mask({**request, "id": "masked"}, mask_of(brains)))
    assert end_of("masked", next_event)["findings"] == []
    far = shifted(mask_of(brains), 500.0, 0.0, 0.0)
    script.send(**with_mask({**request, "id": "far"}, far))
    assert [finding["code"] for finding in end_of("far", next_event)["findings"]] == ["mask-elsewhere"]
    script.send(**with_mask({**request, "id": "run", "request": "segment"}, far))
    error = end_of("run", next_event)
    assert error["kind"] == "bad-input"
    assert error["problems"][0].startswith("The brain mask mask.nii does not lie over T1ce (t1ce node).")


def test_the_workers_check_knows_whether_the_run_registers(
    tmp_path: Path, brains: Head, inside: tuple[Script, Callable[[], Event]]
) -> None:
    script, next_event = inside
    case = {**brains, "t2": shifted(brains["t2"], 1.0, 0.0, 0.0)}
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path), case, request="check")
    remedies = []
    for number, further in enumerate(({}, {"register": False})):
        script.send(**{**request, "id": str(number), **further})
        (finding,) = end_of(str(number), next_event)["findings"]
        remedies.append(finding["remedy"])
    assert remedies == [
        "They are registered and resampled to the T1ce before the segmentation.",
        "They are resampled to the T1ce where their headers say.",
    ]


@pytest.mark.parametrize("missing", ["file", "origin", "name"])
def test_a_broken_entry_of_the_mask_is_named(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], missing: str
) -> None:
    script, next_event = inside
    request = with_mask(worker_request(tmp_path, saved(threshold_model(), tmp_path)), mask_of(small_case()))
    del request["brain_mask"][missing]
    script.send(**request)
    error = end_of("1", next_event)
    assert error["problems"] == [f"The entry of the brain mask in the request has no '{missing}'."]
