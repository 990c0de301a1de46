"""What the panel and the store dialog say about models: name, size, measured accuracy, what can be done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from tumorseg import modelstore
from tumorseg.modelstore import ModelEntry

from .model_card import sizeText
from .translation import _

ABOUT = "about"
"""Target of the link to the card."""


def itemText(model: ModelEntry) -> str:
    """A model in a list: name and size."""
    return _("{title} ({size})").format(title=model.title, size=sizeText(model.size_bytes))


def accuracyHtml(model: ModelEntry | None) -> str:
    """The most telling measured figure of a model, that on real patients where there is one, and a link to its card."""
    if model is None:
        return ""
    line = next((line for line in model.measured if re.search(r"\breal\b", line)), next(iter(model.measured), ""))
    link = f'<a href="{ABOUT}">{escape(_("About this model"))}</a>'
    return " ".join((escape(_("Measured: {figures}").format(figures=line)), link)) if line else link


def accuracyToolTip(model: ModelEntry | None) -> str:
    """All measured figures and limits."""
    if model is None:
        return ""
    return "\n".join((*model.measured, *model.card.limits))


def removeHint(model: ModelEntry | None) -> str:
    """Why a model cannot be removed; empty when it can."""
    if model is None:
        return _("Choose a model first.")
    return "" if not model.shipped else _("This model came with the extension and stays.")


def installHint(source: str, checksum: str) -> str:
    """What is still missing before a model can be installed; empty when nothing is."""
    source, checksum = source.strip(), checksum.strip()
    if not source:
        return _("Name a model file or its web address.")
    if source.lower().startswith("http://"):
        return _("Use an https address; http is not safe.")
    if checksum and not modelstore.checksum(checksum):
        return _("A SHA-256 checksum has 64 characters, 0-9 and a-f.")
    if source.lower().startswith("https://") and not checksum:
        return _("Give the SHA-256 checksum that was published with the model; downloads are checked against it.")
    return ""


def transferText(done: int, total: int | None) -> str:
    """How far a model has come."""
    if not total:
        return _("Installing… {size}").format(size=sizeText(done))
    return _("Installing… {percent} % of {size}").format(percent=round(100 * done / total), size=sizeText(total))


def installedText(model: ModelEntry) -> str:
    """What is said after an installation."""
    return _("{title} is installed; choose it in the panel.").format(title=model.title)


def byName(models: Sequence[ModelEntry], name: str | None) -> ModelEntry | None:
    """The model of a name."""
    return next((model for model in models if model.name == name), None)
