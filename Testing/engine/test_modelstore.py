"""Finding models by name and by path."""

from dataclasses import replace
from pathlib import Path

import pytest

from support.models import random_model, saved
from tumorseg.errors import ModelError
from tumorseg.modelstore import DEFAULT_MODEL, find_model, list_models


@pytest.fixture
def user_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORSEG_MODELS", str(tmp_path))
    return tmp_path


def _save_named(name: str, folder: Path) -> Path:
    model = random_model()
    return saved(replace(model, spec=replace(model.spec, name=name)), folder, f"{name}.safetensors")


def test_the_default_model_ships_within_six_megabytes_and_says_what_it_is(user_models: Path) -> None:
    (entry,) = list_models()
    assert entry.name == DEFAULT_MODEL
    assert find_model() == entry.path
    assert entry.size_bytes <= 6_000_000
    card = entry.spec.card
    assert "research" in card.intended_use.lower()
    assert card.training_data
    assert card.measured
    assert card.licence
    assert any("arXiv:2107.02314" in line for line in card.attribution)


def test_installed_models_are_listed_after_the_shipped_ones(user_models: Path) -> None:
    path = _save_named("mine", user_models)
    assert [entry.name for entry in list_models()] == [DEFAULT_MODEL, "mine"]
    assert find_model("mine") == path


def test_an_installed_model_does_not_replace_a_shipped_one_of_the_same_name(user_models: Path) -> None:
    _save_named(DEFAULT_MODEL, user_models)
    assert find_model(DEFAULT_MODEL).parent != user_models


def test_a_damaged_file_in_the_folder_is_left_out(user_models: Path) -> None:
    (user_models / "broken.safetensors").write_bytes(b"nonsense")
    assert [entry.name for entry in list_models()] == [DEFAULT_MODEL]


def test_a_path_is_taken_as_it_is(user_models: Path) -> None:
    path = _save_named("other", user_models)
    assert find_model(str(path)) == path


def test_an_unknown_name_lists_the_known_ones(user_models: Path) -> None:
    with pytest.raises(ModelError, match=f"There is no model best; known models: {DEFAULT_MODEL}; or give the path"):
        find_model("best")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match=r"The model file /no/such\.safetensors does not exist; check the path"):
        find_model("/no/such.safetensors")
