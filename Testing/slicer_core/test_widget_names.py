"""The panel's code against the application's real names: Qt code cannot run here, but it can be read.

``slicer-app-api.json`` was written by a running Slicer; it lies beside the checkout and tests skip without it.
"""

from __future__ import annotations

import ast
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tumorseg.sequences import SEQUENCES

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "TumorSegU-Net"
SOURCES = [MODULE / "TumorSegUNet.py", *sorted((REPOSITORY / "Testing" / "slicer_app").glob("*.py"))]
UI = ET.parse(MODULE / "Resources" / "UI" / "TumorSegUNet.ui")

TREE = ast.parse(SOURCES[0].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    path = REPOSITORY.parent / "shared" / "facts" / "slicer-app-api.json"
    if not path.is_file():
        pytest.skip("slicer-app-api.json is not beside the checkout")
    return json.loads(path.read_text(encoding="utf-8"))


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    prefix = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{prefix}.{node.attr}" if prefix else ""


def chains(source: Path) -> set[str]:
    """The attribute chains of a file."""
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    return {chain for node in nodes if isinstance(node, ast.Attribute) and (chain := dotted(node))}


def widgets() -> dict[str, str]:
    """Class of every named widget in the .ui file."""
    return {widget.get("name", ""): widget.get("class", "") for widget in UI.iter("widget")}


def parameters() -> list[str]:
    """Names in the parameter node."""
    [node] = [item for item in TREE.body if isinstance(item, ast.ClassDef) and item.name == "TumorSegUNetParameterNode"]
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def calls(name: str) -> list[ast.Call]:
    """Calls of a method in the module's file."""
    nodes = [node for node in ast.walk(TREE) if isinstance(node, ast.Call)]
    return [node for node in nodes if isinstance(node.func, ast.Attribute) and node.func.attr == name]


def class_names(api: dict[str, Any], class_name: str) -> set[str]:
    """Names of a widget class, QWidget's included."""
    for package in ("qt", "ctk", "slicer"):
        entry = api["classes"].get(f"{package}.{class_name}")
        if entry:
            return set(entry["names"]) | set(api["classes"]["qt.QWidget"]["names"])
    raise AssertionError(f"{class_name} is not known to the application")


def test_every_ui_name_exists_in_the_ui_file() -> None:
    used = {chain.split(".ui.")[1].split(".")[0] for source in SOURCES for chain in chains(source) if ".ui." in chain}
    assert used
    assert used <= set(widgets())


def test_every_attribute_of_a_widget_exists_on_its_class(api: dict[str, Any]) -> None:
    used = [chain.split(".ui.")[1].split(".") for source in SOURCES for chain in chains(source) if ".ui." in chain]
    pairs = {(parts[0], parts[1]) for parts in used if len(parts) > 1}
    assert len(pairs) > 10
    for name, attribute in sorted(pairs):
        assert attribute in class_names(api, widgets()[name]), f"{name}.{attribute}"


def test_widget_classes_of_the_ui_file_exist(api: dict[str, Any]) -> None:
    for class_name in set(widgets().values()):
        class_names(api, class_name)


def test_signals_exist(api: dict[str, Any]) -> None:
    assert calls("connect")
    for call in calls("connect"):
        owner, signal = dotted(call.func.value), ast.literal_eval(call.args[0])
        class_name = "QTimer" if owner == "self._timer" else widgets()[owner.removeprefix("self.ui.")]
        [entry] = [api["classes"][key] for key in api["classes"] if key.split(".")[-1] == class_name]
        assert signal in entry["signals"], f"{owner}: {signal}"


def test_qt_and_slicer_names_exist(api: dict[str, Any]) -> None:
    """Everything written as qt.X, ctk.X, slicer.X, slicer.util.x, slicer.app.x or slicer.modules.x."""
    classes, functions = api["classes"], api["functions"]
    for source in SOURCES:
        for chain in sorted(chains(source)):
            parts = chain.split(".")
            if parts[0] in ("qt", "ctk"):
                assert ".".join(parts[:2]) in classes, chain
            elif parts[:2] == ["slicer", "util"] and len(parts) > 2:
                assert ".".join(parts[:3]) in functions or parts[2] == "VTKObservationMixin", chain
            elif parts[:2] in (["slicer", "app"], ["slicer", "mrmlScene"]) and len(parts) > 2:
                assert parts[2] in classes[".".join(parts[:2]) + " (instance)"]["names"], chain
            elif parts[0] == "slicer" and parts[1].startswith("q"):
                assert ".".join(parts[:2]) in classes, chain
            elif parts[0] == "slicer" and parts[1].startswith("vtk"):
                import slicer

                assert hasattr(slicer, parts[1]), chain


def test_timer_names_exist(api: dict[str, Any]) -> None:
    used = {chain.split(".")[2] for chain in chains(SOURCES[0]) if chain.startswith("self._timer.")}
    assert {"start", "stop"} <= used
    assert used - {"connect"} <= set(api["classes"]["qt.QTimer"]["names"])


def test_bound_widgets_can_hold_their_parameter() -> None:
    [call] = calls("connectParametersToGui")
    [mapping] = call.args
    assert isinstance(mapping, ast.Dict)
    bound = {ast.literal_eval(key): dotted(value) for key, value in zip(mapping.keys, mapping.values, strict=True)}
    classes = {name: widgets()[widget.removeprefix("self.ui.")] for name, widget in bound.items()}
    assert classes == {**dict.fromkeys(("t1", "t1ce", "t2", "flair"), "qMRMLNodeComboBox"), "device": "QComboBox"}
    assert all(bound[name] == f"self.ui.{name}Selector" for name in SEQUENCES)
    assert set(bound) <= set(parameters())


def test_binding_is_written_in_one_place() -> None:
    """connectGui, which reads SlicerParameterName from the .ui file, returns no tag in released versions."""
    assert not calls("connectGui")
    assert not [prop for prop in UI.iter("property") if prop.get("name") == "SlicerParameterName"]


def test_modules_that_are_asked_for_exist(api: dict[str, Any]) -> None:
    """The application does not load a module whose dependencies are missing."""
    [value] = [
        node.value
        for node in ast.walk(TREE)
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "self.parent.dependencies"
    ]
    names = ast.literal_eval(value)
    assert names
    assert {name.lower() for name in names} <= set(api["modules"])


def test_items_of_a_list_can_be_disabled(api: dict[str, Any]) -> None:
    assert "model" in api["classes"]["qt.QComboBox"]["names"]
    assert "item" in api["classes"]["qt.QStandardItemModel"]["names"]
    assert "setEnabled" in api["classes"]["qt.QStandardItem"]["names"]


def test_cleanup_needs_only_what_the_constructor_makes() -> None:
    """cleanup() is called after a setup() that failed, too."""
    [widget] = [node for node in TREE.body if isinstance(node, ast.ClassDef) and node.name == "TumorSegUNetWidget"]
    methods = {node.name: node for node in widget.body if isinstance(node, ast.FunctionDef)}
    made = {
        dotted(target)
        for node in ast.walk(methods["__init__"])
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    used = {
        ".".join(dotted(node).split(".")[:2])
        for name in ("cleanup", "_cancelRun")
        for node in ast.walk(methods[name])
        if isinstance(node, ast.Attribute)
    }
    inherited = {"self.removeObservers"}
    assert used - inherited - {f"self.{name}" for name in methods} <= made


def test_every_selector_gets_the_scene() -> None:
    receivers = {
        connection.findtext("receiver")
        for connection in UI.iter("connection")
        if connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    assert receivers == {name for name, class_name in widgets().items() if class_name == "qMRMLNodeComboBox"}


def test_parameter_node_has_what_the_module_needs() -> None:
    assert parameters() == ["t1", "t1ce", "t2", "flair", "model", "device", "segmentation"]


def test_nothing_heavy_is_imported_at_file_scope() -> None:
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
        for node in TREE.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"qt", "slicer", "vtk", "tumorseg", "TumorSegUNetLib"}


def test_translated_texts_are_no_f_strings() -> None:
    for source in [*SOURCES, *(MODULE / "TumorSegUNetLib").glob("*.py")]:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and dotted(node.func) == "_":
                assert isinstance(node.args[0], ast.Constant), f"{source.name}:{node.lineno}"
