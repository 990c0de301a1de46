"""Archives from strangers: nothing leaves them, nothing in them fills the memory, what is left out is said."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from support.layouts import write_case, zip_folder
from support.tiny_patients import tiny_patient
from tumorseg import image_integrity
from tumorseg.errors import BadInputError
from tumorseg_training import archives
from tumorseg_training.archives import archive_members
from tumorseg_training.cases import discover, find_labelled_cases, read_truth
from tumorseg_training.listing import list_files

HOSTILE = ("../escaped.txt", "/etc/escaped.txt", "folder/../../escaped.txt", "C:\\escaped.txt", "..\\escaped.txt")


@pytest.fixture
def case_folder(tmp_path: Path) -> Path:
    write_case(tiny_patient(1), tmp_path / "data" / "BraTS2021_00001")
    return tmp_path / "data"


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as file:
        for info, content in members:
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def _link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_out_of_a_zip_are_left_out(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(zipfile.ZipInfo(name), "content")
        file.writestr("good.txt", "content")
    members, refused = archive_members(tmp_path / "a.zip")
    assert [str(path) for path, _ in members] == ["good.txt"]
    assert len(refused) == 1
    assert "has a name that leads out of the archive and is left out" in refused[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_out_of_a_tar_are_left_out(name: str, tmp_path: Path) -> None:
    path = _tar(tmp_path / "a.tar", (tarfile.TarInfo(name), b"content"), (tarfile.TarInfo("good.txt"), b"content"))
    members, refused = archive_members(path)
    assert [(str(name), blob.read()) for name, blob in members] == [("good.txt", b"content")]
    assert "has a name that leads out of the archive and is left out" in refused[0]


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path) -> None:
    hostile = [_link("s", tarfile.SYMTYPE, "/etc/passwd"), _link("h", tarfile.LNKTYPE, "/etc/passwd")]
    hostile.append(_link("d", tarfile.CHRTYPE, ""))
    members, refused = archive_members(_tar(tmp_path / "a.tar", *((info, b"") for info in hostile)))
    assert members == []
    assert [sentence.split("'")[1] for sentence in refused] == ["s", "h", "d"]


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link_seg.nii.gz")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    members, refused = archive_members(tmp_path / "a.zip")
    assert (members, len(refused)) == ([], 1)
    assert "is a link" in refused[0]


def test_huge_members_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(1001))
    tar = _tar(tmp_path / "a.tar", (tarfile.TarInfo("bomb"), bytes(1001)))
    for path in (tmp_path / "a.zip", tar):
        members, refused = archive_members(path)
        assert (members, len(refused)) == ([], 1)


def test_a_zip_member_that_lies_about_its_size_is_not_read_further(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(5_000_000))
    size = (5_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    ((_, blob),) = archive_members(path)[0]
    with pytest.raises(BadInputError, match="is damaged"):
        blob.read()


def test_an_image_that_decodes_to_a_bomb_is_refused(case_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (case,) = find_labelled_cases(case_folder)
    monkeypatch.setattr(image_integrity, "MAX_BYTES", 3 << 20)
    Path(case.segmentation.location).write_bytes(gzip.compress(bytes(8 << 20)))
    with pytest.raises(BadInputError, match="decodes to more than"):
        read_truth(case)


def test_nothing_is_written_where_names_point(case_folder: Path, tmp_path: Path) -> None:
    inside = sorted((case_folder / "BraTS2021_00001").iterdir())
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
        for path in inside:
            file.write(path, f"x/../../../BraTS2021_00002/{path.name}")
            file.write(path, f"BraTS2021_00001/{path.name}")
    before = sorted(tmp_path.rglob("*"))
    (case,) = find_labelled_cases(tmp_path / "outer.zip")
    np.testing.assert_array_equal(read_truth(case)[0], tiny_patient(1).labels)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_encrypted_zip_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("secret", "content")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the flag in the directory
    path.write_bytes(content)
    assert "is encrypted" in archive_members(path)[1][0]


def test_what_comes_before_the_end_of_a_truncated_tar_is_read(case_folder: Path, tmp_path: Path) -> None:
    write_case(tiny_patient(2), case_folder / "BraTS2021_00002")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name in ("BraTS2021_00001", "BraTS2021_00002"):
            file.add(case_folder / name, name)
    size = (tmp_path / "a.tar").stat().st_size
    os.truncate(tmp_path / "a.tar", size * 6 // 10)
    found, refused = discover(tmp_path / "a.tar")
    assert "BraTS2021_00001" in [case.name for case in found.cases]
    assert any("ends early" in sentence for sentence in refused)


def test_an_archive_that_is_none_is_named_and_the_rest_read(case_folder: Path) -> None:
    (case_folder / "broken.zip").write_bytes(b"PK\3\4 and no directory")
    (case_folder / "broken.tar").write_bytes(b"not a tar")
    (case_folder / "compressed.tar").write_bytes(gzip.compress(b"a tar"))
    (case_folder / "other.tar.gz").write_bytes(gzip.compress(b"a tar"))
    found, refused = discover(case_folder)
    assert len(found.cases) == 1
    assert len(refused) == 4
    assert any("compressed.tar is compressed as a whole" in sentence for sentence in refused)
    with pytest.raises(BadInputError, match=r"broken\.zip is not a complete zip archive"):
        find_labelled_cases(case_folder / "broken.zip")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_cannot_be_opened_is_a_sentence(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadInputError, match=rf"gone\.{kind} is not a complete {kind} archive"):
        archive_members(tmp_path / f"gone.{kind}")


def test_an_archive_in_an_archive_is_named(case_folder: Path, tmp_path: Path) -> None:
    zip_folder(case_folder, case_folder / "inner.zip")
    zip_folder(case_folder, tmp_path / "outer.zip")
    found, refused = discover(tmp_path / "outer.zip")
    assert len(found.cases) == 1
    assert refused == [
        f"{tmp_path}/outer.zip/inner.zip is an archive in an archive and is not opened; unpack {tmp_path}/outer.zip."
    ]


def test_a_damaged_member_is_named_by_where_it_lies(case_folder: Path, tmp_path: Path) -> None:
    path = case_folder / "BraTS2021_00001" / "BraTS2021_00001_seg.nii.gz"
    path.write_bytes(path.read_bytes()[:-200])
    (case,) = find_labelled_cases(zip_folder(case_folder, tmp_path / "a.zip"))
    with pytest.raises(BadInputError, match=r"a\.zip/BraTS2021_00001/BraTS2021_00001_seg\.nii\.gz is incomplete"):
        read_truth(case)


def test_hidden_files_are_not_listed(case_folder: Path, tmp_path: Path) -> None:
    (case_folder / "__MACOSX").mkdir()
    (case_folder / "__MACOSX" / "._x_seg.nii.gz").write_text("")
    (case_folder / ".DS_Store").write_text("")
    for path in (case_folder, zip_folder(case_folder, tmp_path / "a.zip")):
        assert len(list_files(path).entries) == 5
