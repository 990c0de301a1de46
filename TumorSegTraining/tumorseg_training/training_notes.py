"""Whether a model has seen the cases on which it is scored: such scores say nothing about new patients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tumorseg_training.releases import release_of


def training_notes(training: Mapping[str, Any], cases: Collection[str]) -> list[str]:
    """Sentences on cases that trained the model, chose its weights, or fitted its calibration.

    Args:
        training: of the model file; ``initial`` holds that of the model it started from, if any.
        cases: names of those that are scored.
    """
    splits = [_document(model.get("split")) for model in _lineage(training)]
    trained = seen_before(cases, trained_on(training))
    chosen = seen_before(cases, _names(split.get("validation") for split in splits))
    fitted = seen_before(cases, _names([_document(training.get("calibration")).get("cases")]))
    groups = {
        "trained this model: their scores say nothing about new patients": trained,
        "chose its weights by validation: their scores are somewhat too good": chosen - trained,
        "fitted its calibration and rules: their scores are somewhat too good": fitted,
    }
    return [f"{len(seen)} of the {len(cases)} cases {what}." for what, seen in groups.items() if seen]


def seen_before(cases: Iterable[str], earlier: Iterable[str]) -> set[str]:
    """Names of those cases whose patients are among earlier ones: time points, and years that keep a number, share one.

    What only ``name_mapping.csv`` knows is not.
    """
    patients = {release_of(name).patient for name in earlier}
    return {name for name in cases if release_of(name).patient in patients}


def trained_on(training: Mapping[str, Any]) -> set[str]:
    """Names of all cases that trained a model, its members, or the models that these started from.

    Args:
        training: of the model file.
    """
    lineage = list(_lineage(training))
    splits = [_document(model.get("split")) for model in lineage]
    return _names(model.get("cases") for model in lineage) | _names(split.get("train") for split in splits)


def _lineage(training: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The training of a model, of the members of an ensemble, and of the models that all of these started from."""
    yield training
    members = training.get("members")
    for before in [training.get("initial"), *(members if isinstance(members, (list, tuple)) else ())]:
        if document := _document(before):
            yield from _lineage(document)


def _names(lists: Iterable[Any]) -> set[str]:
    """The case names of those values that are lists; a model file may hold anything."""
    return {name for names in lists if isinstance(names, (list, tuple)) for name in names if isinstance(name, str)}


def _document(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
