"""``tumorseg segment``: one case, or every case of a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorseg.case_files import case_folders_by_name, find_case, read_case
from tumorseg.console import ProgressLine, table, tumor_text
from tumorseg.errors import BadInputError, CancelledError, TumorSegError
from tumorseg.images import WRITABLE, check_folder, check_writable, read_volume, write_probabilities
from tumorseg.modelfile import Model, open_model
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result, segment
from tumorseg.regions import LabelConvention
from tumorseg.report import write_report
from tumorseg.report_html import HTML_REPORT_NAME, write_html_report
from tumorseg.segmentation_file import RESULT_EXTENSIONS, write_result
from tumorseg.sequences import Case

BATCH_EXTENSION = ".nii.gz"
FAILED = "failed"


def segment_one(files: Mapping[str, Path], arguments: argparse.Namespace) -> int:
    """Segment one case and print what was found.

    Raises:
        TumorSegError: whatever stops the run; nothing is written then.
    """
    _check_outputs(files, arguments)
    model, case = open_model(find_model(arguments.model)), read_case(files)
    result = _run(case, model, arguments)
    _write(result, arguments.output, arguments)
    if arguments.report is not None:
        write_report(result, arguments.report)
        write_html_report(result, case, arguments.report / HTML_REPORT_NAME, model.spec.card)
    _print_result(result, arguments.output)
    return 0


def segment_batch(required: Sequence[str], arguments: argparse.Namespace) -> int:
    """Segment every case below a folder into ``OUTPUT/<case>.nii.gz``; finished ones are kept, failures reported.

    Args:
        required: the sequences that the model needs.
        arguments: of the command.

    Returns:
        0, or 2 when a case could not be segmented.
    """
    names = case_folders_by_name(arguments.batch)
    check_folder(arguments.output)
    model = open_model(find_model(arguments.model))
    rows = [(name, _segment_folder(folder, name, required, model, arguments)) for name, folder in names.items()]
    print(table(("case", "result"), rows))
    return BadInputError.exit_code if any(outcome == FAILED for _, outcome in rows) else 0


def _segment_folder(
    folder: Path, name: str, required: Sequence[str], model: Model, arguments: argparse.Namespace
) -> str:
    """Segment one case of a batch; what came of it in words."""
    output = arguments.output / f"{name}{BATCH_EXTENSION}"
    if output.exists():
        return "kept, it was there already"
    try:
        result = _run(read_case(find_case(folder, required)), model, arguments)
        _write(result, output, arguments)
    except CancelledError:
        raise
    except TumorSegError as error:
        for problem in error.problems:
            print(f"tumorseg: {name}: {problem}", file=sys.stderr)
        return FAILED
    for finding in result.findings:
        print(f"{name}: {finding.severity}: {finding.sentence}", file=sys.stderr)
    tumor = result.measurements["WT"].volume_ml
    return f"done, {tumor:.1f} mL in {sum(result.seconds.values()):.1f} s"


def _check_outputs(files: Mapping[str, Path], arguments: argparse.Namespace) -> None:
    """Refuse, before the run, outputs that cannot be written or that would replace an input or each other."""
    check_writable(arguments.output, RESULT_EXTENSIONS)
    outputs = [arguments.output]
    if arguments.probabilities is not None:
        check_writable(arguments.probabilities, WRITABLE)
        outputs.append(arguments.probabilities)
    if arguments.report is not None:
        check_folder(arguments.report)
    taken = {path.resolve() for path in (*files.values(), arguments.brain_mask) if path is not None}
    for path in outputs:
        if path.resolve() in taken:
            raise BadInputError(f"{path} is an input or another output; choose another name for the result.")
        taken.add(path.resolve())


def _run(case: Case, model: Model, arguments: argparse.Namespace) -> Result:
    mask = None if arguments.brain_mask is None else read_volume(arguments.brain_mask)
    line = ProgressLine()
    try:
        return segment(case, model, Options(arguments.device, arguments.tta, mask), line)
    finally:
        line.close()


def _write(result: Result, output: Path, arguments: argparse.Namespace) -> None:
    write_result(result.labels, result.geometry, output, result.provenance, LabelConvention(arguments.labels))
    if arguments.probabilities is not None:
        write_probabilities(result.probabilities, result.regions, result.geometry, arguments.probabilities)


def _print_result(result: Result, output: Path) -> None:
    for finding in result.findings:
        print(f"{finding.severity}: {finding.sentence}", file=sys.stderr)
    print(tumor_text(result.tumor))
    if result.quality.sentence:
        print(result.quality.sentence)
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
    print(f"{stages}; {result.provenance['device_reason']}")
    print(f"{result.provenance['intended_use']}\nWritten to {output}")
