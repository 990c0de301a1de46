"""Panel code and .ui files against the application's real names: what cannot run here can be read.

``slicer-app-api.json`` was written by a running Slicer; it lies beside the checkout and tests skip without it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tumorseg.sequences import SEQUENCES

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "TumorSegU-Net"
ENTRY = MODULE / "TumorSegUNet.py"
QT_SOURCES = [ENTRY, *sorted((MODULE / "TumorSegUNetPanel").glob("*.py"))]
SOURCES = [*QT_SOURCES, *sorted((REPOSITORY / "Testing" / "slicer_app").glob("*.py"))]
UI_FILES = {
    name: ET.parse(MODULE / "Resources" / "UI" / f"{name}.ui")
    for name in ("TumorSegUNet", "TumorSegUNetModels", "TumorSegUNetAbout")
}
PANEL = UI_FILES["TumorSegUNet"]
WIDGETS = {
    name: {widget.get("name", ""): widget.get("class", "") for widget in file.iter("widget")}
    for name, file in UI_FILES.items()
}

ONLY_IN_UI_FILES = {"buddy", "SlicerParameterName"}
"""Of the .ui format, not of a widget: the label's partner and the parameter node's key."""


def tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


TREES = {source: tree(source) for source in SOURCES}
ENTRY_TREE = TREES[ENTRY]


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


def chains(node: ast.AST) -> set[str]:
    """The attribute chains below a node."""
    return {chain for item in ast.walk(node) if isinstance(item, ast.Attribute) and (chain := dotted(item))}


def after_ui(chain: str) -> list[str]:
    """What follows ``ui.``, ``self.ui.`` or ``self._ui.`` in a chain."""
    parts = chain.split(".")
    for index, part in enumerate(parts[:-1]):
        if part in ("ui", "_ui"):
            return parts[index + 1 :]
    return []


def widgets_of(source: Path) -> dict[str, str]:
    """Class of every widget that a file can name."""
    if source.parent.name == "slicer_app":
        return {name: kind for widgets in WIDGETS.values() for name, kind in widgets.items()}
    dialogs = {"models_dialog": "TumorSegUNetModels", "about_dialog": "TumorSegUNetAbout"}
    return WIDGETS[dialogs.get(source.stem, "TumorSegUNet")]


FRAME = {"names": ["frameShape"], "properties": ["frameShape"], "signals": []}
"""Of QFrame, which is not in the list itself; its descendants are, QLabel for one."""


def entry_of(api: dict[str, Any], class_name: str) -> dict[str, Any]:
    """What the application knows of a class."""
    if class_name == "QFrame":
        assert set(FRAME["properties"]) <= set(api["classes"]["qt.QLabel"]["properties"])
        return FRAME
    for package in ("qt", "ctk", "slicer"):
        if f"{package}.{class_name}" in api["classes"]:
            return api["classes"][f"{package}.{class_name}"]
    raise AssertionError(f"{class_name} is not known to the application")


def names_of(api: dict[str, Any], class_name: str) -> set[str]:
    """Names of a class, and those of every widget or object."""
    base = "qt.QObject" if class_name == "QTimer" else "qt.QWidget"
    return set(entry_of(api, class_name)["names"]) | set(api["classes"][base]["names"])


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for source in QT_SOURCES:
        for node in ast.walk(TREES[source]):
            if isinstance(node, ast.FunctionDef):
                yield source, node


def qt_variables(source: Path, function: ast.FunctionDef) -> dict[str, str]:
    """Class of the variables of a function whose class can be told: annotated, made here, or a widget of the .ui."""
    known = {
        argument.arg: annotation.removeprefix("qt.")
        for argument in function.args.args
        if argument.annotation is not None and (annotation := dotted(argument.annotation)).startswith("qt.")
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = dotted(node.value.func) if isinstance(node.value, ast.Call) else dotted(node.value)
            parts = value.split(".")
            if parts[0] == "qt" and len(parts) == 2:
                known[node.targets[0].id] = parts[1]
            elif len(after_ui(value)) == 1:
                known[node.targets[0].id] = widgets_of(source)[after_ui(value)[0]]
            elif value.endswith(".horizontalHeader"):
                known[node.targets[0].id] = "QHeaderView"
    return known


def test_every_ui_name_exists_in_its_ui_file() -> None:
    used = {(source, parts[0]) for source in SOURCES for chain in chains(TREES[source]) if (parts := after_ui(chain))}
    assert len(used) > 60
    for source, name in sorted(used):
        assert name in widgets_of(source), f"{source.name}: {name}"


def test_every_named_control_is_used_by_the_code() -> None:
    """A button that nothing listens to, or a text that nothing fills, is a fault of the panel."""
    used = {parts[0] for source in QT_SOURCES for chain in chains(TREES[source]) if (parts := after_ui(chain))}
    bound = {widget.get("name") for widget in PANEL.iter("widget") if parameter_of(widget)}
    still = {"noticeLabel", "sampleLabel", "closeButtonBox"}
    controls = ("Button", "Edit", "ComboBox", "Table", "Bar", "List", "Browser", "CheckBox", "Icon")
    for names in WIDGETS.values():
        shown = {name for name in names if name.endswith(controls) and not name.endswith("CollapsibleButton")}
        assert shown - still <= used | bound


def test_every_attribute_of_a_widget_exists_on_its_class(api: dict[str, Any]) -> None:
    pairs = {
        (widgets_of(source)[parts[0]], parts[1])
        for source in SOURCES
        for chain in chains(TREES[source])
        if len(parts := after_ui(chain)) > 1
    }
    assert len(pairs) > 25
    for class_name, attribute in sorted(pairs):
        assert attribute in names_of(api, class_name), f"{class_name}.{attribute}"


def test_every_attribute_of_a_qt_variable_exists(api: dict[str, Any]) -> None:
    checked = 0
    for source, function in functions():
        known = qt_variables(source, function)
        for chain in chains(function):
            name, *rest = chain.split(".")
            if name in known and rest:
                checked += 1
                assert rest[0] in names_of(api, known[name]), f"{source.name}: {chain} ({known[name]})"
    assert checked > 20


def test_everything_set_in_a_ui_file_is_a_property_of_the_class(api: dict[str, Any]) -> None:
    base = set(api["classes"]["qt.QWidget"]["properties"])
    for file in UI_FILES.values():
        for widget in file.iter("widget"):
            properties = {item.get("name") for item in widget.findall("property")} - ONLY_IN_UI_FILES
            known = base | set(entry_of(api, widget.get("class", ""))["properties"])
            assert properties <= known, f"{widget.get('name')}: {properties - known}"


def test_widget_classes_are_declared_with_a_base(api: dict[str, Any]) -> None:
    for file in UI_FILES.values():
        declared = {item.findtext("class") for item in file.iter("customwidget")}
        own = {widget.get("class", "") for widget in file.iter("widget")}
        assert {name for name in own if not name.startswith("Q")} == declared


def connections(source: Path) -> Iterator[tuple[str, str]]:
    """Owner and signal of every ``owner.connect("signal", …)``."""
    for node in ast.walk(TREES[source]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect":
            yield dotted(node.func.value), ast.literal_eval(node.args[0])


def test_signals_exist(api: dict[str, Any]) -> None:
    owners = {"timer": "QTimer", "button": "QToolButton"}
    found = 0
    for source in QT_SOURCES:
        for owner, signal in connections(source):
            if owner == "slicer.app":
                assert signal == "startupCompleted()"
                continue
            class_name = owners.get(owner) or widgets_of(source)[after_ui(owner)[0]]
            assert signal in entry_of(api, class_name)["signals"], f"{source.name}: {owner}: {signal}"
            found += 1
    assert found > 15


def test_qt_and_slicer_names_exist(api: dict[str, Any]) -> None:
    """Everything written as qt.X.y, ctk.X, slicer.X, slicer.util.x, slicer.app.x or slicer.mrmlScene.x."""
    classes, known = api["classes"], api["functions"]
    for source in SOURCES:
        for chain in sorted(chains(TREES[source])):
            parts = chain.split(".")
            if parts[0] in ("qt", "ctk"):
                assert ".".join(parts[:2]) in classes, chain
                assert len(parts) < 3 or parts[2] in names_of(api, parts[1]), chain
            elif parts[:2] == ["slicer", "util"] and len(parts) > 2:
                assert ".".join(parts[:3]) in known or parts[2] == "VTKObservationMixin", chain
            elif parts[:2] in (["slicer", "app"], ["slicer", "mrmlScene"]) and len(parts) > 2:
                assert parts[2] in classes[".".join(parts[:2]) + " (instance)"]["names"], chain
            elif parts[0] == "slicer" and parts[1].startswith("q"):
                assert ".".join(parts[:2]) in classes, chain
            elif parts[0] == "slicer" and parts[1].startswith("vtk"):
                import slicer

                assert hasattr(slicer, parts[1]), chain


def test_names_reached_through_other_objects_exist(api: dict[str, Any]) -> None:
    """The few that cannot be told from the code alone."""
    reached = {
        "qt.QComboBox": ("model",),
        "qt.QStandardItemModel": ("item",),
        "qt.QStandardItem": ("setEnabled",),
        "qt.QDialog": ("exec",),
        "qt.QIcon": ("pixmap",),
        "qt.QStyle": ("standardIcon",),
        "qt.QPalette": ("color", "Window"),
        "qt.QColor": ("lightness",),
        "qt.QTableWidgetItem": ("setTextAlignment", "setToolTip"),
        "slicer.qMRMLSegmentEditorWidget": ("setSegmentationNode", "setSourceVolumeNode"),
    }
    for class_name, names in reached.items():
        assert set(names) <= set(api["classes"][class_name]["names"]), class_name


def parameters() -> list[str]:
    """Names in the parameter node."""
    [node] = [
        item for item in ENTRY_TREE.body if isinstance(item, ast.ClassDef) and item.name == "TumorSegUNetParameterNode"
    ]
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def parameter_of(widget: ET.Element) -> str | None:
    """The parameter that a widget of the .ui file carries."""
    for item in widget.findall("property"):
        if item.get("name") == "SlicerParameterName":
            # Without stdset="0" Qt looks for a setter instead of making a dynamic property.
            assert item.get("stdset") == "0"
            return item.findtext("string")
    return None


def test_widgets_carry_the_parameters_that_they_can_hold() -> None:
    carried = {name: widget for widget in PANEL.iter("widget") if (name := parameter_of(widget))}
    classes = {name: widget.get("class") for name, widget in carried.items()}
    selectors = dict.fromkeys((*SEQUENCES, "brainMask"), "qMRMLNodeComboBox")
    assert classes == {**selectors, "device": "QComboBox", "tta": "QCheckBox", "register": "QCheckBox"}
    assert set(carried) <= set(parameters())


def test_parameters_without_a_widget_are_set_by_code() -> None:
    """A list of models that changes, and what the module keeps for itself."""
    written = {
        chain.split(".")[-1]
        for source in QT_SOURCES
        for node in ast.walk(TREES[source])
        if isinstance(node, ast.Assign)
        for target in node.targets
        if (chain := dotted(target)).split(".")[-2:-1] in (["_parameters"], ["parameters"])
    }
    carried = {parameter_of(widget) for widget in PANEL.iter("widget")}
    assert set(parameters()) - carried <= written


def test_modules_that_are_asked_for_exist(api: dict[str, Any]) -> None:
    """The application does not load a module whose dependencies are missing."""
    [value] = [
        node.value
        for node in ast.walk(ENTRY_TREE)
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "self.parent.dependencies"
    ]
    names = ast.literal_eval(value)
    assert names
    assert {name.lower() for name in names} <= set(api["modules"])


def test_every_selector_gets_the_scene() -> None:
    receivers = {
        connection.findtext("receiver")
        for connection in PANEL.iter("connection")
        if connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    assert receivers == {name for name, kind in WIDGETS["TumorSegUNet"].items() if kind == "qMRMLNodeComboBox"}


@pytest.mark.parametrize("name", list(UI_FILES))
def test_keyboard_reaches_every_control_in_order(name: str) -> None:
    stops = [item.text for item in UI_FILES[name].iter("tabstop")]
    focusable = (
        "QPushButton",
        "QToolButton",
        "QComboBox",
        "QCheckBox",
        "QLineEdit",
        "qMRMLNodeComboBox",
        "QTableWidget",
    )
    controls = [widget for widget, kind in WIDGETS[name].items() if kind in focusable]
    assert len(stops) == len(set(stops))
    assert set(controls) <= set(stops) <= set(WIDGETS[name])


def test_every_control_explains_itself() -> None:
    """By its tool tip in the .ui file, or by one that the code sets because it depends."""
    set_by_code = {"segmentButton", "resultTable", "detailsTextEdit", "installButton", "removeButton"}
    set_by_code |= {f"{name}SuggestButton" for name in SEQUENCES}
    kinds = (
        "QPushButton",
        "QToolButton",
        "QComboBox",
        "QCheckBox",
        "qMRMLNodeComboBox",
        "qMRMLSegmentationShow3DButton",
    )
    for widget in PANEL.iter("widget"):
        if widget.get("class") in kinds and widget.get("name") not in set_by_code:
            tips = [item.findtext("string") for item in widget.findall("property") if item.get("name") == "toolTip"]
            assert tips, widget.get("name")
            assert all(tip and tip.endswith(".") for tip in tips), widget.get("name")


def test_nothing_heavy_is_imported_at_file_scope() -> None:
    allowed = {"__future__", "collections", "dataclasses", "functools", "pathlib", "time", "typing"}
    allowed |= {"qt", "slicer", "vtk", "tumorseg", "TumorSegUNetLib", "TumorSegUNetPanel"}
    for source in QT_SOURCES:
        imported = {
            (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
            for node in TREES[source].body
            if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
            for alias in node.names
        }
        assert imported <= allowed, source.name


def test_translated_texts_are_no_f_strings() -> None:
    for source in [*SOURCES, *(MODULE / "TumorSegUNetLib").glob("*.py")]:
        for node in ast.walk(tree(source)):
            if isinstance(node, ast.Call) and dotted(node.func) == "_":
                assert isinstance(node.args[0], ast.Constant), f"{source.name}:{node.lineno}"


def test_the_panel_says_nothing_untranslated() -> None:
    """Texts given to labels, buttons and messages by the code go through ``_()`` or come from a presenter."""
    for source in QT_SOURCES:
        for node in ast.walk(TREES[source]):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                attribute = dotted(node.targets[0]).split(".")[-1]
                shown = attribute in ("text", "toolTip", "html", "plainText") and node.value.value
                assert not shown, f"{source.name}:{node.lineno}"


def test_the_applications_start_waits_for_nothing_heavy() -> None:
    """Scripted modules are imported at start-up; stubs stand for what the application has loaded by then."""
    code = """
import sys, types

class Anything(types.ModuleType):
    def __getattr__(self, name):
        return type(name, (), {"__init__": lambda self, *a: None})

names = "slicer slicer.i18n slicer.parameterNodeWrapper slicer.ScriptedLoadableModule slicer.util SampleData"
for name in names.split():
    sys.modules[name] = Anything(name)
sys.modules["vtk"] = Anything("vtk")
sys.modules["vtk"].calldata_type = lambda kind: lambda function: function
sys.modules["SampleData"].SampleDataLogic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **values: None)
sys.modules["slicer.parameterNodeWrapper"].parameterNodeWrapper = lambda cls: cls
base = "ScriptedLoadableModule"
sys.modules["slicer.ScriptedLoadableModule"].__all__ = [base, base + "Widget", base + "Logic", base + "Test"]
before = set(sys.modules)
import TumorSegUNet
TumorSegUNet.registerSampleData()
print(*sorted(set(sys.modules) - before))
"""
    loaded = subprocess.run([sys.executable, "-c", code], cwd=MODULE, check=True, capture_output=True, text=True)
    ours = {name for name in loaded.stdout.split() if name.split(".")[0] in ("numpy", "torch", "tumorseg", "SimpleITK")}
    assert ours == set()
    assert "TumorSegUNetPanel" not in loaded.stdout
