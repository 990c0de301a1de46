"""The model file: round trip, refusal of what is not understood, and no code execution."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.models import random_model, saved, small_spec
from tumorseg.errors import ModelError
from tumorseg.modelfile import METADATA_KEY, Model, PostProcessing, file_sha256, load_model, read_spec, save_model
from tumorseg.network import Ensemble, UNet3D, build_network
from tumorseg.network_config import UNet3DConfig
from tumorseg.safetensors_file import read_header, read_tensors, write_tensors


def test_a_saved_model_comes_back_with_document_weights_and_hash(tmp_path: Path) -> None:
    model = random_model()
    path = saved(model, tmp_path)
    loaded = load_model(path)
    assert loaded.spec == model.spec == read_spec(path)
    assert loaded.sha256 == file_sha256(path)
    assert not loaded.network.training
    for name, tensor in model.network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], tensor.half().float(), rtol=0, atol=0)


def test_weights_are_stored_as_float16(tmp_path: Path) -> None:
    assert {array.dtype for array in read_tensors(saved(random_model(), tmp_path)).values()} == {np.dtype(np.float16)}


def test_the_batches_that_batch_norm_has_seen_stay_whole_numbers(tmp_path: Path) -> None:
    """``crossval --apply`` writes a network that was read: as float16 more than 65,504 batches would be infinite."""
    config = UNet3DConfig(features=(2, 4), deep_supervision=0, norm="batch")
    network = UNet3D(config).eval()
    seen = "encoder.0.0.norm.num_batches_tracked"
    network.state_dict()[seen].fill_(100_000)
    spec = replace(small_spec(), architecture=config.to_dict())
    first = saved(Model(spec, network, sha256="0" * 64), tmp_path)
    save_model(tmp_path / "again.safetensors", spec, load_model(first).network.state_dict())
    count = read_tensors(tmp_path / "again.safetensors")[seen]
    assert (count.dtype, count.item()) == (np.int64, 100_000)


def _with_document(tmp_path: Path, **changes: Any) -> Path:
    path = saved(random_model(), tmp_path)
    document = {**json.loads(read_header(path)["__metadata__"][METADATA_KEY]), **changes}
    write_tensors(path, read_tensors(path), {METADATA_KEY: json.dumps(document)})
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": 99}, "schema 99 is not 1; update TumorSegU-Net"),
        ({"channels": ["t1", "pd", "t2", "flair"]}, "unknown input channels"),
        ({"channels": ["t1"]}, "input channels differ"),
        ({"outputs": "boxes"}, "unknown kind of outputs"),
        ({"outputs": "classes"}, "outputs differ"),
        ({"regions": ["WT", "ET"]}, "unknown regions"),
        ({"normalisation": "none"}, "unknown normalisation"),
        ({"resized": 1}, "resized must be true or false, not 1"),
        ({"mirror_axes": "xw"}, "mirror_axes must be some of the letters zyx, not 'xw'"),
        ({"mirror_axes": ["x"]}, "mirror_axes must be some of the letters zyx"),
        ({"tta": 1}, "tta must be true or false, not 1"),
        ({"other_half": 1}, "other_half must be true or false, not 1"),
        ({"other_half": True}, "the network's input channels differ from the named ones"),
        ({"guides": ["t1ce", "adc"]}, r"guides must be different ones of the channels, not \('t1ce', 'adc'\)"),
        ({"guides": ["t1ce", "t1ce"]}, "guides must be different ones of the channels"),
        ({"guides": [["t1ce"]]}, "guides must be different ones of the channels"),
        ({"guides": "t1"}, "guides must be different ones of the channels, not 't1'"),
        ({"tta": True, "mirror_axes": ""}, "tta needs mirror_axes"),
        ({"single_pass": "no"}, "single_pass must be true or false, not 'no'"),
        ({"single_pass": True, "resized": True}, "either resized or single_pass"),
        ({"spacing": [1, 1, 0]}, "spacing .* is not three sizes from 0.2 to 10.0 mm"),
        ({"spacing": [1e-4, 1, 1]}, "spacing .* is not three sizes"),
        ({"patch_size": [8, 8]}, "patch size .* is not three multiples of 2"),
        ({"patch_size": [8, 8, 9]}, "patch size .* is not three multiples of 2"),
        ({"patch_size": [8, 8, 8.0]}, "patch size .* is not three multiples of 2"),
        ({"architecture": {"features": [4]}}, "at least two levels"),
        ({"architecture": {"features": [2, 4], "deep_supervision": 0, "norm": "layer"}}, "norm 'layer' is not one of"),
        ({"architecture": {"depth": 3}}, "depth"),
        ({"postprocessing": {"thresholds": [0.5, 0.5, float("nan")]}}, "thresholds must be numbers between 0 and 1"),
        ({"postprocessing": {"thresholds": ["0.5", 0.5, 0.5]}}, "thresholds must be numbers between 0 and 1"),
        ({"postprocessing": {"thresholds": [0.5, 0.5, 1.0]}}, "thresholds must be numbers between 0 and 1"),
        ({"postprocessing": {"min_enhancing_ml": float("inf")}}, "smallest volumes must be numbers of 0 mL or more"),
        ({"postprocessing": {"min_component_ml": -0.1}}, "smallest volumes must be numbers of 0 mL or more"),
        ({"members": 0}, "members must be a whole number from 1 to 25, not 0"),
        ({"members": 26}, "members must be a whole number from 1 to 25, not 26"),
        ({"members": 1.0}, "members must be a whole number"),
        ({"members": True}, "members must be a whole number"),
        ({"name": 7}, "name and version must be text of one line"),
        ({"version": "1\x1b[31m"}, "name and version must be text of one line"),
        ({"version": "1\ud800"}, "name and version must be text of one line"),
        ({"card": {"title": ["a"]}}, "the card's title must be text"),
        ({"card": {"title": "a\x1b[2Jb"}}, "the card's title must be text"),
        ({"card": {"title": "a", "intended_use": None}}, "the card's intended_use must be text"),
        ({"card": {"title": "a", "intended_use": "\ud800"}}, "the card's intended_use must be text"),
        ({"card": {"title": "a", "measured": "0.9"}}, "the card's measured must be a list of texts"),
        ({"card": {"title": "a", "limits": [["a"]]}}, "the card's limits must be a list of texts"),
        ({"architecture": {"features": [2.0, 4], "deep_supervision": 0}}, "sizes of a network must be whole numbers"),
        ({"architecture": {"features": [True, 4], "deep_supervision": 0}}, "sizes of a network must be whole numbers"),
        ({"architecture": {"features": "ab", "deep_supervision": 0}}, "sizes of a network must be whole numbers"),
        ({"architecture": {"features": [2] * 9, "deep_supervision": 0}}, "two levels and at most 8"),
        ({"architecture": {"features": [2, 4], "deep_supervision": 0, "decoder_blocks": -1}}, "decoder_blocks -1"),
        ({"architecture": {"features": [2, 4], "deep_supervision": 0, "decoder_blocks": 10**9}}, "blocks 10{9} is not"),
        ({"postprocessing": {"thresholds": [0.5]}}, "one threshold per region"),
        ({"postprocessing": {"temperatures": [1, 1, 1]}}, "calibration needs a positive temperature and a bias"),
        ({"postprocessing": {"temperatures": [1, 0, 1], "biases": [0, 0, 0]}}, "calibration needs a positive"),
        (
            {"postprocessing": {"temperatures": [1, 1, 1], "biases": [0, 0, float("nan")]}},
            "calibration needs a positive",
        ),
        ({"postprocessing": {"temperatures": ["1", 1, 1], "biases": [0, 0, 0]}}, "must be real number"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_documents_that_do_not_fit_are_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ModelError, match=f"description in the model file model.safetensors cannot be used: .*{reason}"):
        read_spec(_with_document(tmp_path, **changes))


@pytest.mark.parametrize("metadata", ["text", None, {METADATA_KEY: 5}])
def test_metadata_that_is_no_description_is_refused(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "odd.safetensors"
    text = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ModelError, match=r"odd\.safetensors holds weights but no TumorSegU-Net description"):
        read_spec(path)


def test_a_model_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    model = random_model()
    wrong = replace(model, spec=replace(model.spec, postprocessing=PostProcessing(thresholds=(0.5,))))
    with pytest.raises(ModelError, match="cannot be written: one threshold per region is needed"):
        saved(wrong, tmp_path)
    torch.nn.init.constant_(model.network.heads["0"].bias, 1e6)  # more than float16 holds
    with pytest.raises(ModelError, match="its weights are not finite numbers in float16"):
        saved(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = _with_document(tmp_path, architecture={**small_spec().architecture, "features": [2, 6]})
    with pytest.raises(ModelError, match=r"weights in model\.safetensors do not fit the network"):
        load_model(path)


def test_a_network_that_no_memory_holds_is_refused_before_any_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []

    def noted(config: UNet3DConfig, members: int) -> UNet3D | Ensemble:
        network = build_network(config, members)
        devices.append(next(network.parameters()).device.type)
        return network

    monkeypatch.setattr("tumorseg.network.build_network", noted)
    for features in (10**4, 10**9):  # 11 GB, and more than torch can count
        path = _with_document(tmp_path, architecture={**small_spec().architecture, "features": [2, features]})
        with pytest.raises(ModelError, match=r"weights in model\.safetensors do not fit the network"):
            load_model(path)
    assert devices == ["meta"]


def test_a_norm_that_does_not_divide_the_channels_is_refused(tmp_path: Path) -> None:
    path = _with_document(tmp_path, architecture={**small_spec().architecture, "features": [2, 9], "norm": "group"})
    with pytest.raises(ModelError, match=r"weights in model\.safetensors do not fit the network"):
        load_model(path)


def test_a_safetensors_file_without_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    write_tensors(path, {"w": np.zeros(2, np.float32)}, {})
    with pytest.raises(ModelError, match="no TumorSegU-Net description"):
        read_spec(path)


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps(_Harmful()))
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_model(path)
    assert not Path("executed").exists()


def test_postprocessing_rules_survive_the_file(tmp_path: Path) -> None:
    rules = PostProcessing((0.4, 0.5, 0.6), 0.1, 0.2, temperatures=(1.5, 2.0, 0.5), biases=(0.1, 0.0, -1.0))
    model = random_model()
    path = saved(replace(model, spec=replace(model.spec, postprocessing=rules)), tmp_path)
    assert read_spec(path).postprocessing == rules


def test_a_file_without_members_is_one_network(tmp_path: Path) -> None:
    path = saved(random_model(), tmp_path)
    document = json.loads(read_header(path)["__metadata__"][METADATA_KEY])
    del document["members"]  # as written before there were ensembles
    write_tensors(path, read_tensors(path), {METADATA_KEY: json.dumps(document)})
    assert read_spec(path).members == 1
    assert isinstance(load_model(path).network, UNet3D)


def test_the_members_of_an_ensemble_come_back_in_order(tmp_path: Path) -> None:
    spec = replace(small_spec(), members=3)
    torch.manual_seed(0)
    network = Ensemble(spec.network_config, 3).eval()
    loaded = load_model(saved(Model(spec, network, ""), tmp_path))
    assert isinstance(loaded.network, Ensemble)
    assert {name.split(".")[0] for name in read_tensors(tmp_path / "model.safetensors")} == {
        "member0",
        "member1",
        "member2",
    }
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], tensor.half().float(), rtol=0, atol=0)


def test_an_ensemble_that_lacks_a_member_is_refused(tmp_path: Path) -> None:
    spec = replace(small_spec(), members=2)
    path = saved(Model(spec, Ensemble(spec.network_config, 2), ""), tmp_path)
    kept = {name: array for name, array in read_tensors(path).items() if not name.startswith("member1")}
    write_tensors(path, kept, {METADATA_KEY: spec.to_json()})
    with pytest.raises(ModelError, match="do not fit the network that it describes"):
        load_model(path)
