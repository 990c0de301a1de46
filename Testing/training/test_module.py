"""What the module makes of a batch, its optimisers and schedules, and compiling with a way back."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from support.prepared import TINY
from tumorseg_training.compiled import compiled_or_eager
from tumorseg_training.module import collate, region_truth
from tumorseg_training.patches import Patch
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.schedule import make_optimizer, rate_factor

REGIONS = ("WT", "TC", "ET")


def test_regions_follow_from_labels_and_are_nested() -> None:
    labels = torch.tensor([[0, 1, 2, 3, 5]], dtype=torch.uint8)
    assert region_truth(labels, "WT").tolist() == [[0, 1, 1, 1, 1]]
    assert region_truth(labels, "TC").tolist() == [[0, 1, 0, 1, 0]]
    assert region_truth(labels, "ET").tolist() == [[0, 0, 0, 1, 0]]


def test_a_batch_tells_which_regions_are_known() -> None:
    labels = torch.full((4, 4, 4), 5, dtype=torch.uint8)
    divided = Patch(torch.zeros(4, 4, 4, 4), torch.zeros(4, 4, 4, dtype=torch.uint8), undivided=False)
    images, masks, known = collate([divided, Patch(torch.ones(4, 4, 4, 4), labels, undivided=True)], REGIONS)
    assert (images.shape, masks.shape) == ((2, 4, 4, 4, 4), (2, 3, 4, 4, 4))
    assert known.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert bool(masks[1, 0].all())
    assert not masks[1, 1:].any()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("poly", [0.5, 1.0, 1.0, 0.75**0.9, 0.5**0.9, 0.25**0.9, 0.0]),
        ("cosine", [0.5, 1.0, 1.0, 0.8535534, 0.5, 0.1464466, 0.0]),
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_and_then_follows_the_schedule(schedule: str, expected: list[float]) -> None:
    factor = rate_factor(replace(load_recipe(TINY), schedule=schedule, warm_up_steps=2), steps=6)
    assert [factor(step) for step in range(7)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("name", "kind"), [("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD")])
def test_the_optimizer_is_the_recipes(name: str, kind: str) -> None:
    recipe = replace(load_recipe(TINY), optimizer=name, learning_rate=0.125, weight_decay=0.25)
    optimizer = make_optimizer(recipe, nn.Linear(1, 1).parameters())
    assert (type(optimizer).__name__, optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (
        kind,
        0.125,
        0.25,
    )


def test_training_goes_on_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_network: nn.Module) -> nn.Module:
        raise RuntimeError("no C++ compiler\nlong trace")

    def compiles_later(_network: nn.Module) -> object:
        return broken

    monkeypatch.setattr(torch, "compile", compiles_later)
    network = nn.Identity()
    with pytest.warns(UserWarning, match=r"torch.compile does not work here \(no C\+\+ compiler\); training goes on"):
        assert compiled_or_eager(network, load_recipe(TINY), torch.device("cpu")) is network


def test_a_compiled_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = nn.Identity()
    monkeypatch.setattr(torch, "compile", lambda _network: compiled)
    assert compiled_or_eager(nn.Conv3d(4, 4, 1), load_recipe(TINY), torch.device("cpu")) is compiled
