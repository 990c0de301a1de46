"""The command ``tumorseg``: segment, check, measure, models."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tumorseg import __version__
from tumorseg.allocator import keep_freed_memory
from tumorseg.collection import without_collection
from tumorseg.errors import BadInputError
from tumorseg.models_command import add_models
from tumorseg.program import leave, run_program
from tumorseg.regions import LabelConvention
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

if TYPE_CHECKING:
    from tumorseg.midline import Midline


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 done, 1 out of memory, 2 bad input or usage, 3 the model cannot be used, 130 cancelled.
    """
    options = _parser().parse_args(arguments)
    return run_program("tumorseg", lambda: options.run(options), when_stopped="nothing unfinished was written")


def command() -> NoReturn:
    """Run the command and end the process."""
    leave(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tumorseg",
        description="Segment the sub-regions of a glioma from T1, T1ce, T2 and FLAIR volumes. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"tumorseg {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_segment(commands.add_parser("segment", help="segment a case, or every case of a folder"))
    _add_check(commands.add_parser("check", help="check the volumes of a case without segmenting"))
    _add_measure(commands.add_parser("measure", help="volumes and diameters of a segmentation"))
    add_models(commands.add_parser("models", help="list, show, install or remove models"))
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("input", "four volumes, or a folder in which they are found by name")
    for sequence in SEQUENCES:
        group.add_argument(f"--{sequence}", type=Path, metavar="FILE", help=f"the {DISPLAY_NAMES[sequence]} volume")
    group.add_argument("--case", type=Path, metavar="DIR", help="a folder with the four volumes")


def _add_segment(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    parser.add_argument("--batch", type=Path, metavar="DIR", help="segment every case below this folder; resumes")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help=".seg.nrrd, .nii.gz, .nii or .nrrd; with --batch a folder",
    )
    parser.add_argument("--model", help="name of a model, or a .safetensors file")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    tta = "average over mirrored inputs, 2 to 8 times slower; some models always do"
    parser.add_argument("--tta", action="store_true", help=tta)
    _add_convention(parser, "numbering in label maps", LabelConvention.BRATS_2023.value)
    parser.add_argument("--probabilities", type=Path, metavar="FILE", help="also write the region probabilities")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="also write report.json and report.html into this folder"
    )
    _add_mask(parser)
    unregistered = "take volumes on other grids than the T1ce to lie where their headers say, instead of registering"
    parser.add_argument("--no-register", dest="register", action="store_false", help=unregistered)
    parser.set_defaults(run=_run_segment)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    parser.add_argument("--model", help="check for this model: name, or a .safetensors file")
    _add_mask(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=_run_check)


def _add_mask(parser: argparse.ArgumentParser) -> None:
    what = "brain mask, not 0 inside; on another grid than the T1ce it is resampled to it"
    parser.add_argument("--brain-mask", type=Path, metavar="FILE", help=what)


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("segmentation", type=Path, help="a label map or .seg.nrrd")
    parser.add_argument(
        "--brain", type=Path, metavar="FILE", help="a brain mask or skull-stripped volume, to tell left from right"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    _add_convention(parser, "numbering of the file, whatever its segments are called")
    parser.set_defaults(run=_run_measure)


def _add_convention(parser: argparse.ArgumentParser, what: str, default: str | None = None) -> None:
    parser.add_argument(
        "--labels",
        choices=[convention.value for convention in LabelConvention],
        default=default,
        help=f"{what}: enhancing tumor is 3 (2023, default) or 4 (2020)",
    )


def _run_segment(options: argparse.Namespace) -> int:
    keep_freed_memory()
    if options.batch is None:
        with without_collection():
            from tumorseg.segment_command import segment_one

        return segment_one(_input_files(options, _needed_sequences(options.model)), options)
    single = [*(f"--{name}" for name in SEQUENCES), "--case", "--probabilities", "--report", "--brain-mask"]
    if given := [name for name in single if getattr(options, name[2:].replace("-", "_")) is not None]:
        raise BadInputError(f"{', '.join(given)} cannot be given with --batch; segment that case by itself.")
    with without_collection():
        from tumorseg.batch_command import segment_batch

    return segment_batch(options)


def _run_check(options: argparse.Namespace) -> int:
    from tumorseg.case_files import read_case
    from tumorseg.guard import blocking, check_case
    from tumorseg.images import read_volume

    required = _needed_sequences(options.model)
    case = read_case(_input_files(options, required))
    mask = None if options.brain_mask is None else read_volume(options.brain_mask)
    findings = check_case(case, required, mask, other_grids="registered")
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(f"{finding.severity}: {finding.sentence}")
        if not findings:
            print("No problem was found.")
    return BadInputError.exit_code if blocking(findings) else 0


def _run_measure(options: argparse.Namespace) -> int:
    from tumorseg.console import tumor_text
    from tumorseg.measure import measure_tumor
    from tumorseg.measured_labels import read_measured
    from tumorseg.report import tumor_values

    convention = LabelConvention(options.labels) if options.labels else None
    labels, geometry, how = read_measured(options.segmentation, convention)
    tumor = measure_tumor(labels, geometry, _midline(options.segmentation, options.brain) if options.brain else None)
    if options.json:
        print(json.dumps({"labels_read": how, **tumor_values(tumor)}, indent=1))
    else:
        print(f"Labels read {how}.\n{tumor_text(tumor)}")
    return 0


def _midline(segmentation: Path, brain: Path) -> Midline | None:
    """Between the halves of a brain; None, and why on stderr, where left and right cannot be told."""
    from tumorseg.file_header import says_where_left_is
    from tumorseg.guard_whole import whole_brain
    from tumorseg.images import read_volume
    from tumorseg.midline import midline_of
    from tumorseg.sides import sides_known

    for path in (segmentation, brain):
        if not says_where_left_is(path):
            print(f"warning: {path.name} does not say where left is, so no side is told.", file=sys.stderr)
            return None
    volume = read_volume(brain)
    findings = list(whole_brain({"t1": volume}))
    for finding in findings:
        print(f"{finding.severity}: {finding.sentence}", file=sys.stderr)
    return midline_of(volume) if sides_known(findings) else None


def _needed_sequences(model: str | None) -> tuple[str, ...]:
    from tumorseg.modelfile import read_spec
    from tumorseg.modelstore import find_model

    return read_spec(find_model(model)).channels


def _input_files(options: argparse.Namespace, required: Sequence[str]) -> dict[str, Path]:
    """The given files of the sequences that the model needs, or those found in the case's folder."""
    given = {name: getattr(options, name) for name in SEQUENCES if getattr(options, name) is not None}
    if options.case is None:
        if missing := [f"--{name}" for name in required if name not in given]:
            raise BadInputError(f"Give {', '.join(missing)} as well, or a folder with --case.")
        return {name: given[name] for name in required}
    from tumorseg.case_files import find_case

    if given:
        raise BadInputError("Give either --case or the four volumes, not both.")
    return find_case(options.case, required)


if __name__ == "__main__":
    command()
