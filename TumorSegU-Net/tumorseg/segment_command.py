"""``tumorseg segment``: one case."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from tumorseg.case_files import read_case
from tumorseg.console import ProgressLine, run_text, tumor_text
from tumorseg.errors import BadInputError
from tumorseg.images import WRITABLE, check_folder, check_writable, read_volume, write_probabilities
from tumorseg.model_keeper import load_in_background
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result, finish, infer, prepare
from tumorseg.progress import Progress
from tumorseg.regions import LabelConvention
from tumorseg.report import write_report
from tumorseg.report_html import HTML_REPORT_NAME, write_html_report
from tumorseg.result_record import check_report_folder
from tumorseg.segmentation_file import RESULT_EXTENSIONS, write_result

READ_STAGE = "read"
"""Shown before the stages of the run."""


def segment_one(files: Mapping[str, Path], arguments: argparse.Namespace) -> int:
    """Segment one case and print what was found.

    Raises:
        TumorSegError: whatever stops the run; nothing is written then.
    """
    _check_outputs(files, arguments)
    path = find_model(arguments.model)
    spec = read_spec(path)
    line = ProgressLine()
    try:
        loading = load_in_background(path, arguments.device)
        line(Progress(READ_STAGE, 0.0))
        case = read_case(files)
        mask = None if arguments.brain_mask is None else read_volume(arguments.brain_mask)
        options = Options(arguments.device, arguments.tta, mask, arguments.register)
        prepared = prepare(case, spec, options, line)
        shown = case if arguments.report is not None else None
        del case  # a fifth of the memory, of which the network makes use
        result = finish(prepared, spec, infer(prepared, loading.result(), options, line), line)
    finally:
        line.close()
    _write(result, spec.thresholds, arguments)
    _print_result(result, arguments.output)  # before the report, which another program may hold
    if shown is not None:
        write_report(result, arguments.report)
        write_html_report(result, shown, arguments.report / HTML_REPORT_NAME, spec.card)
    return 0


def _check_outputs(files: Mapping[str, Path], arguments: argparse.Namespace) -> None:
    """Refuse, before the run, outputs that cannot be written or that would replace an input or each other."""
    check_writable(arguments.output, RESULT_EXTENSIONS)
    outputs = [arguments.output]
    if arguments.probabilities is not None:
        check_writable(arguments.probabilities, WRITABLE)
        outputs.append(arguments.probabilities)
    if arguments.report is not None:
        check_folder(arguments.report)
        check_report_folder(arguments.report, files)
    taken = {path.resolve() for path in (*files.values(), arguments.brain_mask) if path is not None}
    for path in outputs:
        if path.resolve() in taken:
            raise BadInputError(f"{path} is an input or another output; choose another name for the result.")
        taken.add(path.resolve())


def _write(result: Result, thresholds: Mapping[str, float], arguments: argparse.Namespace) -> None:
    convention = LabelConvention(arguments.labels)
    write_result(result.labels, result.geometry, arguments.output, result.provenance, convention)
    if arguments.probabilities is not None:
        write_probabilities(result.probabilities, thresholds, result.geometry, arguments.probabilities)


def _print_result(result: Result, output: Path) -> None:
    for finding in result.findings:
        print(f"{finding.severity}: {finding.sentence}", file=sys.stderr)
    print(tumor_text(result.tumor))
    if result.quality.sentence:
        print(result.quality.sentence)
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
    print(f"{stages}\n{run_text(result.provenance)}")
    print(f"{result.provenance['intended_use']}\nWritten to {output}")
