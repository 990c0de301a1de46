"""Validation: the engine's labels, each case once, means over the cases that have a truth, and the paper's figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from support.prepared import TINY, head
from tumorseg.devices import Device
from tumorseg.modelfile import Model
from tumorseg.network import UNet3D
from tumorseg.other_half import with_other_half
from tumorseg.predictor import predict
from tumorseg.regions import labels_from_regions, region_mask
from tumorseg_training.metrics import dice
from tumorseg_training.paper_metrics import paper_metrics
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.run_model import model_spec
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.validation import CaseRow, ValidationShard, summary, validate

RECIPE = load_recipe(TINY)
CPU = torch.device("cpu")


def _case(name: str = "a", undivided: bool = False) -> TrainingCase:
    images, labels = head(0)
    truth = np.where(labels, 5, 0).astype(np.uint8) if undivided else labels
    return TrainingCase(name, lambda: (images, truth), (0, 1, 2, 3), (True,) * 4, undivided)


@pytest.fixture
def network() -> UNet3D:
    torch.manual_seed(0)
    return UNet3D(RECIPE.network).eval()


def test_a_case_is_scored_as_the_engine_segments_it(network: UNet3D) -> None:
    images, truth = head(0)
    model = Model(model_spec(RECIPE), network, "")
    probabilities = predict(model, images.astype(np.float32), Device("cpu", "")).probabilities
    labels = labels_from_regions(probabilities * (images != 0).any(axis=0), RECIPE.regions, (0.5, 0.5, 0.5))
    row = validate(_case(), network, RECIPE, CPU)
    for region in RECIPE.regions:
        assert row.values[f"dice_{region}"] == dice(region_mask(labels, region), region_mask(truth, region))
        assert row.values[f"nothing_dice_{region}"] == 0
    assert row.values["accuracy"] == pytest.approx(np.mean(labels == truth))


def test_a_network_that_compares_both_halves_gets_both() -> None:
    recipe = replace(RECIPE, other_half=True, spacing=2.0, network=replace(RECIPE.network, in_channels=8))
    torch.manual_seed(0)
    network = UNet3D(recipe.network).eval()
    images, truth = head(0)
    brain = (images != 0).any(axis=0)
    crop = with_other_half(images.astype(np.float32), brain, (2.0, 2.0, 2.0))
    probabilities = predict(Model(model_spec(recipe), network, ""), crop, Device("cpu", "")).probabilities
    labels = labels_from_regions(probabilities * brain, recipe.regions, (0.5, 0.5, 0.5))
    assert validate(_case(), network, recipe, CPU).values["accuracy"] == pytest.approx(np.mean(labels == truth))


def test_only_what_is_known_of_a_case_is_scored(network: UNet3D) -> None:
    values = validate(_case(undivided=True), network, RECIPE, CPU).values
    assert [column for column in values if column.startswith("dice")] == ["dice_WT"]
    assert np.isfinite(values["validation_loss"])


def test_the_loss_is_the_trainings(network: UNet3D) -> None:
    torch.nn.init.zeros_(network.heads["0"].weight)
    torch.nn.init.constant_(network.heads["0"].bias, -100.0)
    truth = head(0)[1]
    bce = validate(_case(), network, replace(RECIPE, loss="bce"), CPU).values["validation_loss"]
    shares = [region_mask(truth, region).mean() for region in RECIPE.regions]
    assert bce == pytest.approx(15 * np.mean(shares), rel=1e-4)  # logits are kept at -15


@pytest.mark.parametrize(("cases", "processes"), [(1, 2), (5, 2), (6, 3), (7, 4), (3, 1)])
def test_every_case_is_on_one_process_and_all_have_as_many_batches(cases: int, processes: int) -> None:
    named = [_case(str(number)) for number in range(cases)]
    shards = [ValidationShard(named, process, processes) for process in range(processes)]
    assert len({len(shard) for shard in shards}) == 1
    seen = [case.name for shard in shards for batch in shard for case in batch]
    assert sorted(seen) == [case.name for case in named]


def test_means_are_over_the_cases_that_have_the_figure() -> None:
    full = {"dice_WT": 0.5, "dice_TC": 0.9, "nothing_dice_WT": 0.0, "nothing_dice_TC": 1.0, "validation_loss": 1.0}
    rows = [CaseRow("a", full), CaseRow("b", {"dice_WT": 0.7, "nothing_dice_WT": 0.0, "validation_loss": 3.0})]
    means = summary(rows)
    assert means["dice_WT"] == pytest.approx(0.6)
    assert means["dice_TC"] == 0.9
    assert means["dice_mean"] == pytest.approx(0.75)
    assert means["nothing_dice_mean"] == 0.5
    assert means["validation_loss"] == 2.0


def test_the_papers_figures_in_a_case_done_by_hand() -> None:
    truth = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 3], np.uint8)
    guess = np.array([0, 0, 0, 0, 0, 1, 1, 0, 2, 2], np.uint8)
    found = paper_metrics(guess, truth, ("WT", "TC", "ET"))
    assert found["accuracy"] == pytest.approx(0.7)
    assert found["paper_dice"] == pytest.approx((10 / 12 + 2 / 4 + 2 / 3 + 0) / 4)
    assert found["mean_iou"] == pytest.approx((5 / 7 + 1 / 3 + 1 / 2 + 0) / 4)
    assert found["precision"] == pytest.approx((5 / 6 + 1 / 2 + 1 / 2 + 1) / 4)  # nothing was called 3: 0/0
    assert found["sensitivity"] == pytest.approx((5 / 6 + 1 / 2 + 1 + 0) / 4)
    assert found["specificity"] == pytest.approx((3 / 4 + 7 / 8 + 8 / 9 + 1) / 4)


def test_the_papers_figures_of_a_whole_tumor_have_two_classes() -> None:
    truth, guess = np.array([0, 0, 0, 5], np.uint8), np.array([0, 0, 1, 2], np.uint8)
    found = paper_metrics(guess, truth, ("WT", "TC", "ET"))
    assert found["accuracy"] == pytest.approx(0.75)
    assert found["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert paper_metrics(guess > 0, np.array([0, 0, 0, 1], np.uint8), ("WT",)) == found


def test_predicting_nothing_looks_good_in_the_papers_figures() -> None:
    truth = np.zeros(1000, np.uint8)
    truth[:10] = 2
    found = paper_metrics(np.zeros(1000, np.uint8), truth, ("WT", "TC", "ET"))
    assert found["accuracy"] == pytest.approx(0.99)
    assert found["specificity"] == pytest.approx(0.75)
    assert found["paper_dice"] == pytest.approx((2 * 990 / 1990 + 1 + 0 + 1) / 4)
