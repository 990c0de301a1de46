"""What ships and how the Extensions Manager sees it: CMake lists, index entry, icon, licence."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "TumorSegU-Net"
NOT_SHIPPED = {"CMakeLists.txt", "pyproject.toml"}


def cmake_list(name: str) -> list[str]:
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    body = re.search(rf"set\({name}\n(.*?)\n\s*\)", text, re.DOTALL)
    assert body, f"no {name} in CMakeLists.txt"
    return [line.strip().replace("${MODULE_NAME}", "TumorSegUNet") for line in body[1].splitlines()]


def shipped_files() -> set[str]:
    files = (path for path in MODULE.rglob("*") if path.is_file())
    names = {path.relative_to(MODULE).as_posix() for path in files if not is_generated(path)}
    return names - NOT_SHIPPED


def is_generated(path: Path) -> bool:
    return any(part in ("__pycache__", "build", "dist") or part.startswith(".") for part in path.parts[-6:]) or any(
        part.endswith((".egg-info", ".partial")) for part in path.parts
    )


def root_variable(name: str) -> str:
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    value = re.search(rf'^set\({name} "([^"]*)"\)$', text, re.MULTILINE)
    assert value, f"no single line set({name} …) in CMakeLists.txt"
    return value[1]


def test_every_file_that_ships_is_listed() -> None:
    listed = cmake_list("MODULE_PYTHON_SCRIPTS") + cmake_list("MODULE_PYTHON_RESOURCES")
    assert len(listed) == len(set(listed))
    assert set(listed) == shipped_files()


def test_scripts_are_python_and_resources_are_not() -> None:
    assert all(name.endswith(".py") for name in cmake_list("MODULE_PYTHON_SCRIPTS"))
    assert not any(name.endswith(".py") for name in cmake_list("MODULE_PYTHON_RESOURCES"))


def test_self_tests_are_registered() -> None:
    folder = REPOSITORY / "Testing" / "slicer_app"
    registered = re.findall(r"SCRIPT (\S+\.py)", (folder / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert sorted(registered) == sorted(path.name for path in folder.glob("*Test.py"))


def test_project_name_is_a_slicer_extension_name() -> None:
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\(TumorSegUNet\)$", text, re.MULTILINE)
    assert "find_package(Slicer REQUIRED)" in text
    last = [line for line in text.splitlines() if line.strip()][-2:]
    assert last == ["include(${Slicer_EXTENSION_GENERATE_CONFIG})", "include(${Slicer_EXTENSION_CPACK})"]


def test_extension_metadata_is_complete() -> None:
    entry = json.loads((REPOSITORY / "extension.json").read_text(encoding="utf-8"))
    assert root_variable("EXTENSION_HOMEPAGE") == entry["scm_url"]
    assert root_variable("EXTENSION_DEPENDS").split() == entry["build_dependencies"]
    assert re.fullmatch(r"https://raw\.githubusercontent\.com/\S+\.(png|jpe?g|gif)", root_variable("EXTENSION_ICONURL"))
    for url in root_variable("EXTENSION_SCREENSHOTURLS").split():
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/\S+\.(png|jpe?g|gif)", url)
    assert root_variable("EXTENSION_LICENSE_FILE").endswith("/LICENSE.txt")
    assert 20 < len(root_variable("EXTENSION_DESCRIPTION")) < 250


@pytest.mark.parametrize("variable", ["EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"])
def test_pictures_named_by_url_are_in_the_repository(variable: str) -> None:
    prefix = root_variable("EXTENSION_HOMEPAGE").replace("github.com", "raw.githubusercontent.com") + "/main/"
    for url in root_variable(variable).split():
        assert (REPOSITORY / url.removeprefix(prefix)).is_file(), url


def test_index_entry_follows_the_schema() -> None:
    entry = json.loads((REPOSITORY / "extension.json").read_text(encoding="utf-8"))
    assert set(entry) == {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "scm_revision",
        "scm_url",
        "tier",
    }
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert entry["category"] == "Segmentation"
    assert entry["build_dependencies"] == ["PyTorch"]
    assert re.fullmatch(r"https://github\.com/[\w-]+/Slicer[\w-]+", entry["scm_url"])
    assert entry["tier"] in (1, 3, 5)


def test_icon_is_a_png_of_128_pixels() -> None:
    data = (REPOSITORY / "TumorSegUNet.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (128, 128)


def test_licence_is_apache() -> None:
    text = (REPOSITORY / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[0]
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("name", ["CMakeLists.txt", "extension.json", "LICENSE.txt", "TumorSegU-Net/CMakeLists.txt"])
def test_index_files_have_unix_line_ends(name: str) -> None:
    data = (REPOSITORY / name).read_bytes()
    assert b"\r" not in data
    assert b"\t" not in data
    assert data.endswith(b"\n")
    assert not data.endswith(b"\n\n")
    assert not re.search(rb"[ \t]+\n", data)


def test_library_can_be_imported_before_the_application_has_its_classes() -> None:
    """Slicer imports scripted modules while its own modules are still being loaded."""
    names = [path.stem for path in (MODULE / "TumorSegUNetLib").glob("*.py") if path.stem != "__init__"]
    code = "import sys, types, importlib; sys.modules['slicer'] = types.ModuleType('slicer')\n" + "".join(
        f"importlib.import_module('TumorSegUNetLib.{name}')\n" for name in names
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=MODULE)
