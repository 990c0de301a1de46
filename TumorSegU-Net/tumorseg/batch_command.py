"""``tumorseg segment --batch``: every case of a folder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tumorseg.batch import Batch, Outcome, run_batch
from tumorseg.case_files import case_folders_by_name, find_case
from tumorseg.console import ProgressLine, table
from tumorseg.errors import BadInputError
from tumorseg.images import check_folder, check_writable
from tumorseg.model_keeper import load_in_background
from tumorseg.modelfile import file_sha256, read_spec
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result
from tumorseg.progress import Progress, Report
from tumorseg.regions import LabelConvention
from tumorseg.result_record import input_hashes, kept_record, write_record
from tumorseg.segmentation_file import write_result
from tumorseg.shares import Share, this_share

BATCH_EXTENSION = ".nii.gz"
RECORD_EXTENSION = ".json"
"""Of the document beside each result that says what it was made from."""

FAILED = "failed"
LOOK = "; look with care"
"""In the rows of results with ``Quality.sentence``."""


def segment_batch(arguments: argparse.Namespace) -> int:
    """Segment every case below a folder into ``OUTPUT/<case>.nii.gz``; finished ones are kept, failures reported.

    A finished one is kept where ``OUTPUT/<case>.json`` says that it was made from the same volumes and options.

    Under ``torchrun`` the processes share the cases, and the first one prints the table of all.

    Args:
        arguments: of the command.

    Returns:
        0, or 2 when a case could not be segmented or its result was made from something else.
    """
    folders = case_folders_by_name(arguments.batch)
    check_folder(arguments.output)
    share = this_share()
    share.join()
    outputs = {name: arguments.output / f"{name}{BATCH_EXTENSION}" for name in folders}
    mine = share.of(list(folders))
    # Unlike ``Path.exists``, this raises nothing over a name that is too long: that is told when the case is written.
    there = {name: folders[name] for name in mine if os.path.exists(outputs[name])}
    rows = _kept(there, outputs, arguments) if there else {}
    open_ones = {name: folders[name] for name in mine if name not in rows}
    if open_ones:
        rows |= _segmented(open_ones, outputs, share, arguments)
    everything = dict(share.gather(list(rows.items())))
    if share.rank == 0:
        print(table(("case", "result"), [(name, everything[name]) for name in folders]))
    return BadInputError.exit_code if FAILED in everything.values() else 0


def _kept(folders: dict[str, Path], outputs: dict[str, Path], arguments: argparse.Namespace) -> dict[str, str]:
    """The rows of results that are there already, or ``FAILED`` with the reason on stderr."""
    path = find_model(arguments.model)
    spec = read_spec(path)
    wanted = {"model_sha256": file_sha256(path), **_options(arguments, spec.tta)}
    rows = {}
    for name, folder in folders.items():
        try:
            hashes = input_hashes(find_case(folder, spec.channels))
            record = kept_record(outputs[name], _record_of(outputs[name]), {**wanted, **hashes})
        except BadInputError as error:
            rows[name] = _failed(name, error.problems)
        else:
            rows[name] = f"kept, {_found(record['measurements']['WT']['volume_ml'], record['quality']['sentence'])}"
    return rows


def _options(arguments: argparse.Namespace, always_averaged: bool) -> dict[str, str]:
    """What was chosen that changes a result, as it is recorded beside it."""
    yes_no = ("no", "yes")
    return {
        "labels": arguments.labels,
        "tta": yes_no[arguments.tta or always_averaged],
        "register": yes_no[arguments.register],
    }


def _record_of(output: Path) -> Path:
    return output.with_name(output.name.removesuffix(BATCH_EXTENSION) + RECORD_EXTENSION)


def _segmented(
    folders: dict[str, Path], outputs: dict[str, Path], share: Share, arguments: argparse.Namespace
) -> dict[str, str]:
    path = find_model(arguments.model)
    device = share.device(arguments.device)
    spec = read_spec(path)
    loading = load_in_background(path, device)
    line = ProgressLine()

    def write(name: str, result: Result) -> None:
        _write(result, outputs[name], arguments, spec.tta)

    options = Options(device, arguments.tta, register=arguments.register)
    batch = Batch(spec, loading.result, options, write, _numbered(list(folders), line))
    try:
        return {outcome.name: _told(outcome, line) for outcome in run_batch(folders, batch)}
    finally:
        line.close()


def _write(result: Result, output: Path, arguments: argparse.Namespace, always_averaged: bool) -> None:
    """The record comes first: a case is complete once its result is there."""
    check_writable(output, (BATCH_EXTENSION,))
    record = _record_of(output)
    write_record(result, record, _options(arguments, always_averaged))
    try:
        write_result(result.labels, result.geometry, output, result.provenance, LabelConvention(arguments.labels))
    except BaseException:
        record.unlink(missing_ok=True)
        raise


def _numbered(names: Sequence[str], line: ProgressLine) -> Callable[[str], Report]:
    """Reports that show which case the network is working on."""

    def of_case(name: str) -> Report:
        start = f"[{names.index(name) + 1}/{len(names)}] {name}"

        def report(progress: Progress) -> None:
            line.show(f"{start} {100 * progress.fraction:3.0f} %")

        return report

    return of_case


def _told(outcome: Outcome, line: ProgressLine) -> str:
    """Say on stderr what was noticed; what came of the case in words."""
    line.close()
    result = outcome.result
    if result is None:
        return _failed(outcome.name, outcome.problems)
    for finding in result.findings:
        print(f"{outcome.name}: {finding.severity}: {finding.sentence}", file=sys.stderr)
    if remarks := result.provenance.get("remarks"):
        print(f"{outcome.name}: {remarks}", file=sys.stderr)
    if result.quality.sentence:
        print(f"{outcome.name}: {result.quality.sentence}", file=sys.stderr)
    seconds, rung = sum(result.seconds.values()), result.provenance["memory_rung"]
    tumor = _found(result.measurements["WT"].volume_ml, result.quality.sentence, f" in {seconds:.1f} s; {rung}")
    return f"done, {tumor}"


def _failed(name: str, problems: Sequence[str]) -> str:
    for problem in problems:
        print(f"tumorseg: {name}: {problem}", file=sys.stderr)
    return FAILED


def _found(tumor_ml: float, care: str | None, how: str = "") -> str:
    """The end of a row: the whole tumor (mL), how it was found, and whether to look at it."""
    return f"{tumor_ml:.1f} mL{how}{LOOK if care else ''}"
