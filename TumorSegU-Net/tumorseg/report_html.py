"""The report of a run for people: one HTML file that needs nothing else, neither a network nor scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import takewhile
from pathlib import Path

from tumorseg.atomic import atomic_path
from tumorseg.measure import (
    MEASURABLE_MM,
    MEASURABLE_SLICES,
    THICK_SLICE_MM,
    Lesion,
    RegionMeasure,
    TumorMeasures,
)
from tumorseg.modelfile import ModelCard
from tumorseg.pipeline import Result
from tumorseg.regions import SEGMENTS
from tumorseg.report_pictures import ReportPictures
from tumorseg.report_style import REPORT_STYLE
from tumorseg.sequences import DISPLAY_NAMES, Case

HTML_REPORT_NAME = "report.html"

NAMES = {
    **{segment.short_name: segment.name for segment in SEGMENTS.values()},
    "WT": "Whole tumor",
    "TC": "Tumor core",
}

ABBREVIATIONS = {"tta": "TTA", "sha256": "SHA-256", "id": "ID", "uid": "UID", "uids": "UIDs", "ml": "mL"}
"""Words of provenance keys that are not written in small letters."""

CARD_TITLES = {
    "description": "Model",
    "training_data": "Trained on",
    "measured": "Measured accuracy",
    "limits": "Known limits",
    "licence": "License",
    "attribution": "Attribution",
}


def write_html_report(
    result: Result, case: Case, path: Path, card: ModelCard | None = None, title: str | None = None
) -> None:
    """Write the report as one self-contained HTML file, atomically.

    Args:
        result: of the run.
        case: the volumes that were segmented.
        path: of the file.
        card: of the model.
        title: what the user calls the case; the common part of the volumes' names if None.
    """
    document = html_report(result, case, card, title or case_title(case))
    with atomic_path(path) as temporary:
        temporary.write_text(document, encoding="utf-8")


def case_title(case: Case) -> str:
    """The patient where the volumes tell it, otherwise what their names have in common.

    Names such as ``t1.nii.gz`` and ``x_t1.nii.gz`` have too little in common: then their folder, otherwise the first.
    """
    patients = {volume.provenance.get("patient_id") for volume in case.values()} - {None, ""}
    if len(patients) == 1:
        return str(patients.pop())
    names = [volume.name for volume in case.values()]
    common = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = "".join(letters[0] for letters in common).strip("_-. ")
    folders = {Path(volume.provenance.get("file", "")).parent.name for volume in case.values()}
    folder = folders.pop() if len(folders) == 1 else ""
    return shared if len(shared) > 1 else folder or shared or names[0]


def html_report(result: Result, case: Case, card: ModelCard | None, title: str) -> str:
    """The report as text; everything that comes from outside is escaped."""
    pictures = ReportPictures(result, case)
    parts = [
        _header(title, result),
        f'<p class="notice" role="note"><strong>{escape(result.provenance["intended_use"])}</strong> Made by a program '
        "without a physician; check every outline and number against the images.</p>",
        _care(result),
        _facts(result.tumor),
        "<h2>Pictures</h2>" + _legend(result),
        *pictures.rows(),
        _section("Diameters", pictures.diameters()),
        "<h2>Measurements</h2>" + _region_table(result.tumor.regions) + _lesion_table(result.tumor),
        _findings(result),
        _section("Model", _card(card) if card else ""),
        "<h2>How this result came about</h2>" + _words_table(_provenance(result)),
        f"<footer><p>{escape(result.provenance['software'])}. Pictures are radiological: the patient's right is on the "
        "left side. Positions are in mm from the origin of the images, x towards the patient's right, y to the front "
        "and z to the top of the head (RAS).</p></footer>",
    ]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – tumor report</title><style>{REPORT_STYLE}</style></head>"
    )
    body = "\n".join(part for part in parts if part)
    return f"{head}<body>\n{body}\n</body></html>\n"


def _header(title: str, result: Result) -> str:
    when = result.provenance["time"].replace("T", " ").replace("+00:00", " UTC")
    model = result.provenance["model"]
    return (
        f"<header><div><p>Automatic glioma segmentation</p><h1>{escape(title)}</h1></div>"
        f"<p>Segmented {escape(when)}<br>Model {escape(model)}</p></header>"
    )


def _care(result: Result) -> str:
    sentence = result.quality.sentence
    return f'<p class="notice care" role="note">{escape(sentence)}</p>' if sentence else ""


def _facts(tumor: TumorMeasures) -> str:
    """The numbers that are read first."""
    facts = {"Whole tumor": f"{tumor.regions['WT'].volume_ml:.1f} mL"}
    if "ET" in tumor.regions:
        facts["Tumor core"] = f"{tumor.regions['TC'].volume_ml:.1f} mL"
        facts["Enhancing"] = f"{tumor.regions['ET'].volume_ml:.1f} mL"
    if tumor.lesions:
        facts["Foci"] = str(tumor.foci)
        facts["Side"] = tumor.side or "not known"
    if targets := tumor.targets:
        facts[f"Sum of products ({targets[0].measured})"] = f"{tumor.sum_of_products_mm2:.0f} mm²"
    rows = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _legend(result: Result) -> str:
    labels = [label for label, segment in SEGMENTS.items() if (result.labels == label).any()]
    rows = (
        f'<li><span style="background:rgb({",".join(str(round(255 * c)) for c in SEGMENTS[label].color)})"></span>'
        f"{escape(SEGMENTS[label].name)}</li>"
        for label in labels
    )
    return f'<ul class="legend">{"".join(rows)}</ul>' if labels else '<p class="soft">No tumor was found.</p>'


def _region_table(regions: Mapping[str, RegionMeasure]) -> str:
    rows = [
        (
            f"{NAMES[name]} ({name})",
            f"{values.volume_ml:.2f}",
            f"{values.longest_diameter_mm:.1f} × {values.perpendicular_mm:.1f}" if values.components else "–",
            str(values.components),
        )
        for name, values in regions.items()
    ]
    return _table("Regions", ("Region", "Volume (mL)", "Diameters (mm)", "Separate parts"), rows)


def _lesion_table(tumor: TumorMeasures) -> str:
    if not tumor.lesions:
        return ""
    header = ("Lesion", "Side", "Whole (mL)", "Core (mL)", "Enhancing (mL)", "Diameters (mm)", "of", "Measurable")
    table = _table("Lesions", header, [_lesion_row(lesion) for lesion in tumor.lesions])
    note = (
        "Diameters as RANO measures them: the longest line in an axial slice of the enhancing tumor and the longest "
        "one at a right angle to it, between voxel centers; of the whole tumor (FLAIR) where hardly anything enhances. "
        f"Measurable: both at least {MEASURABLE_MM:g} mm, or twice the thickness of slices above "
        f"{THICK_SLICE_MM:g} mm, and seen on {MEASURABLE_SLICES} slices. Midline: at least a fifth lies on either side."
    )
    return f'{table}<p class="soft">{note}</p>'


def _lesion_row(lesion: Lesion) -> tuple[str, ...]:
    volumes = (f"{lesion.volume_ml[name]:.2f}" if name in lesion.volume_ml else "–" for name in ("WT", "TC", "ET"))
    diameters = f"{lesion.diameters.longest_mm:.1f} × {lesion.diameters.perpendicular_mm:.1f}"
    return (
        str(lesion.number),
        lesion.side or "–",
        *volumes,
        diameters,
        lesion.measured,
        "yes" if lesion.measurable else "no",
    )


def _findings(result: Result) -> str:
    rows = "".join(f"<li>{escape(finding.sentence)}</li>" for finding in result.findings)
    return _section("Found by the check of the images", f"<ul>{rows}</ul>" if rows else "<p>Nothing.</p>")


def _card(card: ModelCard) -> str:
    rows = []
    for name, heading in CARD_TITLES.items():
        value = getattr(card, name)
        lines = [value] if isinstance(value, str) else value
        if name == "description":
            lines = [card.title, *lines]
        rows.append((heading, [line for line in lines if line]))
    return _words_table((heading, lines) for heading, lines in rows if lines)


def _provenance(result: Result) -> Iterator[tuple[str, list[str]]]:
    for key, value in result.provenance.items():
        words = key.split("_")
        if words[0] == "input" and len(words) > 1:
            words = ["Input", DISPLAY_NAMES.get(words[1], words[1]), *words[2:]]
        heading = " ".join(ABBREVIATIONS.get(word, word) for word in words)
        yield heading[:1].upper() + heading[1:], [value]
    yield "Seconds", [", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.seconds.items())]


def _section(heading: str, body: str) -> str:
    return f"<h2>{escape(heading)}</h2>{body}" if body else ""


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f'<table aria-label="{escape(caption)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def _words_table(rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(heading)}</th><td>{"<br>".join(escape(line) for line in lines)}</td></tr>'
        for heading, lines in rows
    )
    return f'<table class="words"><tbody>{body}</tbody></table>'
