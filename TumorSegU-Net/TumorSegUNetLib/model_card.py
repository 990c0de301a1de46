"""The card of a model as rich text: what a person should know before trusting it, in the order of its weight."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from tumorseg.modelfile import ModelSpec, file_sha256
from tumorseg.modelstore import ModelEntry
from tumorseg.sequences import DISPLAY_NAMES

from .translation import _

_LINK = re.compile(
    r"(?P<url>https://[^\s<>,;()]*[^\s<>,;().])|arXiv:(?P<arxiv>\d{4}\.\d{4,5})|doi:(?P<doi>10\.\d{4,9}/[^\s,;()]*[^\s,;().])"
    r"|CC (?P<licence>BY(?:-NC)?(?:-SA|-ND)?) (?P<version>\d\.\d)"
)
"""What can be opened in a browser: addresses, arXiv and DOI names, Creative Commons licenses."""


def sizeText(size: int) -> str:
    """Size of a file as people read it."""
    return _("{size} MB").format(size=f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}")


def cardHtml(model: ModelEntry | None, hashed: bool = False) -> str:
    """The model card; nothing without a model.

    Args:
        model: whose card.
        hashed: whether to name the SHA-256 of the file, which is read whole for that.
    """
    if model is None:
        return ""
    card = model.card
    return "".join(
        (
            f"<h2>{escape(card.title)}</h2>",
            f"<p><b>{_linked(card.intended_use)}</b></p>" if card.intended_use else "",
            _paragraph(card.description),
            _section(_("Measured"), card.measured or (_("Nobody has measured how good it is."),)),
            _section(_("Limits"), card.limits),
            _section(_("Trained on"), card.training_data),
            _section(_("License"), (card.licence or _("Not stated; ask its authors before you use or pass it on."),)),
            _section(_("To cite"), card.attribution),
            _section(_("How it is run"), _runLines(model.spec)),
            _section(_("File"), _fileLines(model, hashed)),
        )
    )


def _fileLines(model: ModelEntry, hashed: bool) -> list[str]:
    """What tells this file from others."""
    known = _("{file}, version {version}, {size}")
    try:
        lines = [known.format(file=model.path.name, version=model.spec.version, size=sizeText(model.size_bytes))]
        if hashed:
            lines.append(_("SHA-256 (every result names it): {hash}").format(hash=file_sha256(model.path)))
        return lines
    except OSError as error:
        return [_("{path} cannot be read ({error}).").format(path=model.path, error=error.strerror or error)]


def _runLines(spec: ModelSpec) -> list[str]:
    """What the network takes and gives, and the rules that follow it."""
    needs = _("Needs {sequences}, at voxels of {spacing} mm (others are resampled).")
    sequences = ", ".join(DISPLAY_NAMES[name] for name in spec.channels)
    lines = [needs.format(sequences=sequences, spacing=" × ".join(f"{size:g}" for size in spec.spacing))]
    regions = {"WT": _("whole tumor (WT)"), "TC": _("tumor core (TC)"), "ET": _("enhancing tumor (ET)")}
    lines.append(_("Finds {regions}.").format(regions=", ".join(regions[name] for name in spec.regions)))
    if spec.members > 1:
        lines.append(_("Averages {count} networks.").format(count=spec.members))
    if spec.tta:
        lines.append(_("Always averages over mirrored copies."))
    if spec.other_half:
        lines.append(_("Compares both halves of the brain."))
    if spec.guides:
        followed = ", ".join(DISPLAY_NAMES[name] for name in spec.guides)
        lines.append(_("Outlines follow {sequences} at their full resolution.").format(sequences=followed))
    rules = spec.postprocessing
    if rules.min_component_ml > 0:
        lines.append(_("Separate parts below {volume} mL are left out.").format(volume=f"{rules.min_component_ml:g}"))
    if rules.min_enhancing_ml > 0:
        sentence = _("An enhancing tumor below {volume} mL in all counts as core without enhancement.")
        lines.append(sentence.format(volume=f"{rules.min_enhancing_ml:g}"))
    if rules.temperatures:
        lines.append(_("Its probabilities are calibrated."))
    return lines


def _section(title: str, lines: Iterable[str]) -> str:
    present = [line for line in lines if line]
    if len(present) > 1:
        items = "".join(f'<li style="margin-bottom:3px">{_linked(line)}</li>' for line in present)
        body = f'<ul style="margin-left:-22px; margin-top:2px">{items}</ul>'
    else:
        body = "".join(_paragraph(line) for line in present)
    return f'<h4 style="margin-bottom:2px">{escape(title)}</h4>{body}' if body else ""


def _paragraph(text: str) -> str:
    return f'<p style="margin-top:2px">{_linked(text)}</p>' if text else ""


def _linked(text: str) -> str:
    """A text of the card, which is no markup, with links where it names something on the web."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        target = escape(_target(found), quote=True)
        parts += [escape(text[end : found.start()]), f'<a href="{target}">{escape(found[0])}</a>']
        end = found.end()
    return "".join((*parts, escape(text[end:])))


def _target(found: re.Match[str]) -> str:
    if found["arxiv"]:
        return f"https://arxiv.org/abs/{found['arxiv']}"
    if found["doi"]:
        return f"https://doi.org/{found['doi']}"
    if found["licence"]:
        return f"https://creativecommons.org/licenses/{found['licence'].lower()}/{found['version']}/"
    return found["url"]
