"""``tumorseg segment``: one case, or every case of a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from tumorseg.case_files import find_case, read_case
from tumorseg.console import ProgressLine, measurement_table, table
from tumorseg.errors import BadInputError
from tumorseg.images import WRITABLE, check_writable, read_volume, write_probabilities
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result, segment
from tumorseg.regions import LabelConvention
from tumorseg.report import write_report
from tumorseg.segmentation_file import RESULT_EXTENSIONS, write_result

BATCH_EXTENSION = ".nii.gz"


def segment_one(files: Mapping[str, Path], arguments: argparse.Namespace) -> int:
    """Segment one case and print what was found.

    Raises:
        TumorSegError: whatever stops the run; nothing is written then.
    """
    check_writable(arguments.output, RESULT_EXTENSIONS)
    if arguments.probabilities is not None:
        check_writable(arguments.probabilities, WRITABLE)
    result = _run(files, load_model(find_model(arguments.model)), arguments)
    _write(result, arguments.output, arguments)
    _print_result(result, arguments.output)
    return 0


def segment_batch(arguments: argparse.Namespace) -> int:
    """Segment every case below a folder into ``OUTPUT/<case>.nii.gz``; finished ones are kept, failures reported.

    Returns:
        0, or 2 when a case could not be segmented.
    """
    folders = _case_folders(arguments.batch)
    arguments.output.mkdir(parents=True, exist_ok=True)
    model = load_model(find_model(arguments.model))
    rows = [(folder.name, _segment_folder(folder, model, arguments)) for folder in folders]
    print(table(("case", "result"), rows))
    return 0 if all(outcome.startswith(("done", "kept")) for _, outcome in rows) else BadInputError.exit_code


def _segment_folder(folder: Path, model: Model, arguments: argparse.Namespace) -> str:
    """Segment one case of a batch; what came of it in words."""
    output = arguments.output / f"{folder.name}{BATCH_EXTENSION}"
    if output.exists():
        return "kept, it was there already"
    try:
        result = _run(find_case(folder), model, arguments)
        _write(result, output, arguments)
    except BadInputError as error:
        for problem in error.problems:
            print(f"tumorseg: {folder.name}: {problem}", file=sys.stderr)
        return "failed"
    tumor = result.measurements["WT"].volume_ml
    return f"done, {tumor:.1f} mL in {sum(result.seconds.values()):.1f} s"


def _case_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInputError(f"The folder {folder} does not exist; check the path given with --batch.")
    if not (folders := sorted(path for path in folder.iterdir() if path.is_dir())):
        raise BadInputError(f"The folder {folder} has no case folders; each case needs a folder of its own.")
    return folders


def _run(files: Mapping[str, Path], model: Model, arguments: argparse.Namespace) -> Result:
    case = read_case(files)
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
    if arguments.report is not None:
        write_report(result, arguments.report)


def _print_result(result: Result, output: Path) -> None:
    for finding in result.findings:
        print(f"{finding.severity}: {finding.sentence}", file=sys.stderr)
    print(measurement_table(result.measurements))
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
    print(f"{stages}; {result.provenance['device_reason']}")
    print(f"{result.provenance['intended_use']}\nWritten to {output}")
