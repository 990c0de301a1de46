"""What the panel and the store dialog say about models: name, size, measured accuracy, card, what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from tumorseg.modelstore import ModelEntry
from tumorseg.sequences import DISPLAY_NAMES

from .translation import _

SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def itemText(model: ModelEntry) -> str:
    """A model in a list: name and size."""
    return _("{title} ({size})").format(title=model.title, size=sizeText(model.size_bytes))


def sizeText(size: int) -> str:
    """Size of a file as people read it."""
    return _("{size} MB").format(size=f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}")


def accuracyText(model: ModelEntry | None) -> str:
    """The most telling measured figure of a model: that on real patients where there is one."""
    measured = model.measured if model else ()
    line = next((line for line in measured if re.search(r"\breal\b", line)), next(iter(measured), ""))
    return _("Measured: {figures}").format(figures=line) if line else ""


def accuracyToolTip(model: ModelEntry | None) -> str:
    """All measured figures and limits."""
    if model is None:
        return ""
    return "\n".join((*model.measured, *model.card.limits))


def cardHtml(model: ModelEntry | None) -> str:
    """The model card as rich text."""
    if model is None:
        return ""
    card = model.card
    channels = ", ".join(DISPLAY_NAMES[name] for name in model.spec.channels)
    return "".join(
        (
            f"<h2>{escape(card.title)}</h2>",
            _paragraph(card.description),
            _section(_("Intended use"), (card.intended_use,)),
            _section(_("Measured"), card.measured),
            _section(_("Limits"), card.limits),
            _section(_("Needs"), (channels,)),
            _section(_("Trained on"), card.training_data),
            _section(_("License"), (card.licence,)),
            _section(_("To cite"), card.attribution),
            _section(_("File"), (f"{model.path.name}, {sizeText(model.size_bytes)}, {model.spec.version}",)),
        )
    )


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
    if checksum and not SHA256.fullmatch(checksum):
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


def _section(title: str, lines: Iterable[str]) -> str:
    present = [line for line in lines if line]
    if len(present) > 1:
        body = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in present) + "</ul>"
    else:
        body = "".join(_paragraph(line) for line in present)
    return f"<h4>{escape(title)}</h4>{body}" if body else ""


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
