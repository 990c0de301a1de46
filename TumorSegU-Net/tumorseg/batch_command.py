"""``tumorseg segment --batch``: every case of a folder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tumorseg.batch import Batch, Outcome, run_batch
from tumorseg.case_files import case_folders_by_name
from tumorseg.console import ProgressLine, table
from tumorseg.errors import BadInputError
from tumorseg.images import check_folder
from tumorseg.model_keeper import load_in_background
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result
from tumorseg.progress import Progress, Report
from tumorseg.regions import LabelConvention
from tumorseg.segmentation_file import write_result
from tumorseg.shares import Share, this_share

BATCH_EXTENSION = ".nii.gz"
FAILED = "failed"
LOOK = "; look with care"
"""In the rows of results with ``Quality.sentence``."""


def segment_batch(arguments: argparse.Namespace) -> int:
    """Segment every case below a folder into ``OUTPUT/<case>.nii.gz``; finished ones are kept, failures reported.

    Under ``torchrun`` the processes share the cases, and the first one prints the table of all.

    Args:
        arguments: of the command.

    Returns:
        0, or 2 when a case could not be segmented.
    """
    folders = case_folders_by_name(arguments.batch)
    check_folder(arguments.output)
    share = this_share()
    share.join()
    outputs = {name: arguments.output / f"{name}{BATCH_EXTENSION}" for name in folders}
    mine = share.of(list(folders))
    # Unlike ``Path.exists``, this raises nothing over a name that is too long: that is told when the case is written.
    rows = {name: "kept, it was there already" for name in mine if os.path.exists(outputs[name])}
    open_ones = {name: folders[name] for name in mine if name not in rows}
    if open_ones:
        rows |= _segmented(open_ones, outputs, share, arguments)
    everything = dict(share.gather(list(rows.items())))
    if share.rank == 0:
        print(table(("case", "result"), [(name, everything[name]) for name in folders]))
    return BadInputError.exit_code if FAILED in everything.values() else 0


def _segmented(
    folders: dict[str, Path], outputs: dict[str, Path], share: Share, arguments: argparse.Namespace
) -> dict[str, str]:
    path = find_model(arguments.model)
    device = share.device(arguments.device)
    loading = load_in_background(path, device)
    line = ProgressLine()

    def write(name: str, result: Result) -> None:
        convention = LabelConvention(arguments.labels)
        write_result(result.labels, result.geometry, outputs[name], result.provenance, convention)

    options = Options(device, arguments.tta, register=arguments.register)
    batch = Batch(read_spec(path), loading.result, options, write, _numbered(list(folders), line))
    try:
        return {outcome.name: _told(outcome, line) for outcome in run_batch(folders, batch)}
    finally:
        line.close()


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
        for problem in outcome.problems:
            print(f"tumorseg: {outcome.name}: {problem}", file=sys.stderr)
        return FAILED
    for finding in result.findings:
        print(f"{outcome.name}: {finding.severity}: {finding.sentence}", file=sys.stderr)
    if remarks := result.provenance.get("remarks"):
        print(f"{outcome.name}: {remarks}", file=sys.stderr)
    if result.quality.sentence:
        print(f"{outcome.name}: {result.quality.sentence}", file=sys.stderr)
    tumor, seconds = result.measurements["WT"].volume_ml, sum(result.seconds.values())
    care = LOOK if result.quality.sentence else ""
    return f"done, {tumor:.1f} mL in {seconds:.1f} s; {result.provenance['memory_rung']}{care}"
