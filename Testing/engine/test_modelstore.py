"""Finding, installing and removing models."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.models import random_model, saved
from tumorseg.cli import main
from tumorseg.errors import ModelError
from tumorseg.modelfile import METADATA_KEY, file_sha256, load_model
from tumorseg.modelstore import (
    DEFAULT_MODEL,
    checksum,
    find_model,
    install,
    list_models,
    remove,
    store_folder,
    unused_files,
)
from tumorseg.safetensors_file import read_header, read_tensors, write_tensors


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


@pytest.mark.parametrize("header", [b"[" * 100_000, b'{"__metadata__": ' + b"[" * 100_000])
def test_a_header_that_is_nested_too_deeply_is_left_out(user_models: Path, header: bytes) -> None:
    (user_models / "hostile.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert find_model().name == f"{DEFAULT_MODEL}.safetensors"


@pytest.mark.parametrize("shape", ["[1e999]", f"[{2**32}, {2**32}]"])
def test_a_tensor_of_an_impossible_size_is_a_damaged_file(user_models: Path, shape: str) -> None:
    path = _save_named("mine", user_models)
    document = json.dumps(read_header(path)["__metadata__"])
    entry = f'{{"dtype": "F16", "shape": {shape}, "data_offsets": [0, 0]}}'
    header = f'{{"__metadata__": {document}, "weight": {entry}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="is damaged or not a safetensors file"):
        read_tensors(path)


def test_the_shipped_model_needs_no_home_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUMORSEG_MODELS", "~nobody-of-this-name/models")
    assert find_model().name == f"{DEFAULT_MODEL}.safetensors"
    with pytest.raises(ModelError, match=r"folder of models is not known .* name one with TUMORSEG_MODELS"):
        store_folder()
    assert main(["models", "list"]) == 0
    listing = capsys.readouterr().out
    assert DEFAULT_MODEL in listing
    assert "name one with TUMORSEG_MODELS." in listing.splitlines()[-1]


def test_the_shipped_model_needs_no_access_to_the_store(user_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    glob = Path.glob

    def refusing(folder: Path, pattern: str) -> Iterator[Path]:
        if folder == user_models:
            raise PermissionError
        return glob(folder, pattern)

    monkeypatch.setattr(Path, "glob", refusing)
    assert [entry.name for entry in list_models()] == [DEFAULT_MODEL]


def test_files_that_are_not_used_are_told(user_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = replace(random_model().spec, name=DEFAULT_MODEL, version="9.0")
    saved(replace(random_model(), spec=newer), user_models, "glioma-9.safetensors")
    (user_models / "broken.safetensors").write_bytes(b"nonsense")
    broken, shadowed = unused_files()
    assert "broken.safetensors is damaged" in broken
    assert shadowed.startswith("glioma-9.safetensors (glioma 9.0) is not used: glioma.safetensors (shipped, version ")
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [broken, shadowed]


def test_a_card_that_is_no_text_hides_no_other_model(user_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _save_named("odd", user_models)
    document = json.loads(read_header(path)["__metadata__"][METADATA_KEY])
    document["card"]["title"] = ["odd"]
    write_tensors(path, read_tensors(path), {METADATA_KEY: json.dumps(document)})
    assert main(["models", "list"]) == 0
    assert "odd.safetensors cannot be used: the card's title must be text" in capsys.readouterr().out


def test_installing_overwrites_no_file_of_another_model(user_models: Path, downloaded: Path) -> None:
    other = saved(random_model(), user_models, "mine.safetensors")
    before = other.read_bytes()
    with pytest.raises(ModelError, match=r"mine.safetensors is there already and is no model mine; rename or remove"):
        install(downloaded)
    assert other.read_bytes() == before


def test_a_path_is_taken_as_it_is(user_models: Path) -> None:
    path = _save_named("other", user_models)
    assert find_model(str(path)) == path
    assert find_model(path) == path


def test_an_unknown_name_lists_the_known_ones(user_models: Path) -> None:
    with pytest.raises(ModelError, match=f"There is no model best; known models: {DEFAULT_MODEL}; or give the path"):
        find_model("best")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match=r"The model file /no/such\.safetensors does not exist; check the path"):
        find_model("/no/such.safetensors")


@pytest.fixture
def downloaded(tmp_path: Path) -> Path:
    """A model file outside the store."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    return _save_named("mine", folder)


def _left_in(folder: Path) -> list[str]:
    """What a command left in the store."""
    return sorted(path.name for path in folder.iterdir() if path.name != "downloads")


def test_a_file_is_installed_listed_and_removed(user_models: Path, downloaded: Path) -> None:
    told: list[tuple[int, int | None]] = []
    entry = install(downloaded, file_sha256(downloaded), lambda *done: told.append(done), load_model)
    size = downloaded.stat().st_size
    assert told[-1] == (size, size)
    assert (entry.name, entry.path, entry.origin) == ("mine", user_models / "mine.safetensors", "installed")
    assert entry.path.read_bytes() == downloaded.read_bytes()
    assert [(e.name, e.origin) for e in list_models()] == [(DEFAULT_MODEL, "shipped"), ("mine", "installed")]
    remove("mine")
    assert _left_in(user_models) == []
    assert downloaded.exists()


def test_the_store_is_made_when_the_first_model_is_installed(
    user_models: Path, downloaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUMORSEG_MODELS", str(user_models / "new" / "store"))
    assert install(downloaded).path == store_folder() / "mine.safetensors"


def test_a_wrong_hash_leaves_nothing(user_models: Path, downloaded: Path) -> None:
    with pytest.raises(
        ModelError, match=r"is not the expected file: its SHA-256 is [0-9a-f]{64}; nothing was installed"
    ):
        install(downloaded, "0" * 64)
    assert _left_in(user_models) == []
    with pytest.raises(ModelError, match='"12ab" is not a SHA-256: it must have 64 hexadecimal digits'):
        install(downloaded, "12ab")


@pytest.mark.parametrize("text", ["{}", " {} ", "sha256:{}", "SHA256: {}"])
def test_checksums_are_read_as_they_are_written(text: str) -> None:
    assert checksum(text.format("aF" * 32)) == "af" * 32


@pytest.mark.parametrize("text", ["", " ", "sha256:", "12ab", "g" * 64, "0" * 65, "sha512:" + "0" * 64])
def test_what_is_no_checksum_installs_nothing(user_models: Path, downloaded: Path, text: str) -> None:
    assert checksum(text) is None
    with pytest.raises(ModelError, match="is not a SHA-256"):
        install(downloaded, text)
    assert _left_in(user_models) == []


@pytest.mark.parametrize("content", [b"nonsense", b"", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_file_that_is_no_model_leaves_nothing(user_models: Path, downloaded: Path, content: bytes) -> None:
    downloaded.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.safetensors"):
        install(downloaded)
    assert _left_in(user_models) == []


def test_weights_that_do_not_load_leave_nothing(user_models: Path, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    path = tmp_path / "downloads" / "odd.safetensors"
    write_tensors(path, {"x": np.zeros(2, np.float32)}, {METADATA_KEY: random_model().spec.to_json()})
    with pytest.raises(ModelError, match=r"The weights in odd\.safetensors do not fit"):
        install(path, check=load_model)
    write_tensors(path, {"x": np.full(2, np.nan, np.float32)}, {METADATA_KEY: random_model().spec.to_json()})
    with pytest.raises(ModelError, match=r"The weights in odd\.safetensors are missing or not finite numbers"):
        install(path)
    assert _left_in(user_models) == []


@pytest.mark.parametrize("name", ["../evil", "a/b", "CON", "com1", "", ".hidden", "x" * 65, "a:b", "ends."])
def test_names_that_cannot_be_file_names(user_models: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "downloads").mkdir()
    path = tmp_path / "downloads" / "odd.safetensors"
    spec = replace(random_model().spec, name=name)
    write_tensors(path, {"x": np.zeros(2, np.float32)}, {METADATA_KEY: spec.to_json()})
    with pytest.raises(ModelError, match=r"odd\.safetensors"):
        install(path)
    assert _left_in(user_models) == []


def test_another_model_of_the_same_name_is_refused_and_the_same_file_is_not(
    user_models: Path, downloaded: Path, tmp_path: Path
) -> None:
    entry = install(downloaded)
    assert install(downloaded) == entry
    other = replace(random_model(), spec=replace(random_model().spec, name="MINE", version="2"))
    path = saved(other, downloaded.parent, "other.safetensors")
    with pytest.raises(ModelError, match=r"Another model mine \(installed, version 1\.0\) is there already; remove it"):
        install(path)
    path = _save_named(DEFAULT_MODEL, downloaded.parent)
    with pytest.raises(ModelError, match=rf"Another model {DEFAULT_MODEL} \(shipped, .* cannot be replaced"):
        install(path)
    assert _left_in(user_models) == ["mine.safetensors"]


@pytest.mark.parametrize(("first", "second"), [("mine", "MINE"), ("MINE", "mine")])
def test_names_that_differ_only_in_capitals_are_one(user_models: Path, tmp_path: Path, first: str, second: str) -> None:
    folders = [tmp_path / "downloads" / name for name in ("1", "2")]
    for folder in folders:
        folder.mkdir(parents=True)
    install(_save_named(first, folders[0]))
    with pytest.raises(ModelError, match=f"Another model {first} "):
        install(_save_named(second, folders[1]))
    assert _left_in(user_models) == [f"{first}.safetensors"]


def test_stopping_a_download_leaves_nothing(user_models: Path, downloaded: Path) -> None:
    def stop(received: int, size: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(downloaded, progress=stop)
    assert _left_in(user_models) == []


@pytest.mark.parametrize(("days", "removed"), [(2.1, True), (1.9, False)])
def test_what_a_killed_download_left_goes_with_a_later_installation(
    user_models: Path, downloaded: Path, days: float, removed: bool
) -> None:
    left = user_models / ".installing-abc"
    left.mkdir()
    (left / "big.safetensors").write_bytes(b"half of a model")
    then = time.time() - days * 24 * 3600
    os.utime(left, (then, then))
    install(downloaded)
    assert left.exists() is not removed


def test_what_cannot_be_removed(user_models: Path, downloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=f"The model {DEFAULT_MODEL} came with TumorSegU-Net and cannot be removed"):
        remove(DEFAULT_MODEL)
    with pytest.raises(ModelError, match="There is no model other; installed models: none"):
        remove("other")
    install(downloaded)

    def in_use(path: Path) -> None:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "unlink", in_use)
    with pytest.raises(ModelError, match=r"cannot be deleted .* wait until no run uses it"):
        remove("mine")


@pytest.mark.parametrize("name", ["..", "%00", "x" * 300 + ".safetensors", "a b%2f..%5C.safetensors", ""])
def test_any_name_on_a_server_is_a_sentence(
    user_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The name is the server's; what it names is no model here."""

    def fetch(source: str, target: Path, progress: object) -> str:
        target.write_bytes(b"no model")
        assert target.parent.parent == user_models
        return "0" * 64

    monkeypatch.setattr("tumorseg.modelstore.fetch", fetch)
    with pytest.raises(ModelError, match="is damaged or not a safetensors file"):
        install(f"https://example.org/{name}")


def test_a_store_that_cannot_be_written(user_models: Path, downloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORSEG_MODELS", str(downloaded / "store"))
    with pytest.raises(ModelError, match=r"cannot be installed in .*store .*name another folder with TUMORSEG_MODELS"):
        install(downloaded)


def test_the_commands(user_models: Path, downloaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "install", str(downloaded), "--sha256", file_sha256(downloaded)]) == 0
    assert capsys.readouterr().out.startswith("mine 1.0 is installed: ")
    assert main(["models", "list"]) == 0
    listing = capsys.readouterr().out
    assert "mine:\n  not measured" in listing
    assert ["mine", "1.0", "0.0", "MB", "installed", "A", "test", "model"] in [
        line.split() for line in listing.splitlines()
    ]
    assert main(["models", "remove", "mine"]) == 0
    assert capsys.readouterr().out == "mine was removed.\n"
    assert main(["models", "remove", "mine"]) == 3
