"""``tumorseg-train crossval``: judge a recipe by runs of several folds, and put what they teach into a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumorseg.console import ProgressLine
    from tumorseg_training.crossval.run import Request

WHEN_STOPPED = "finished cases are kept, and the same command goes on from there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="run folders of fit, one per fold")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for scores, predictions and the report")
    parser.add_argument(
        "--unseen",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="further labelled cases that no run saw, as synthetic ones: scored apart, by the runs in turn",
    )
    parser.add_argument("--called", default="cases", help="what the runs' cases are, e.g. 'real cases of BraTS 2021'")
    parser.add_argument("--unseen-called", default="further cases", help="what those are, e.g. 'synthetic patients'")
    parser.add_argument(
        "--tta",
        action="store_true",
        help="average over the mirrorings that the networks know, even if they do not ask for it",
    )
    parser.add_argument(
        "--guides",
        nargs="*",
        metavar="SEQUENCE",
        help="sequences that outlines follow, instead of those of the runs; none after --guides for no sequence",
    )
    parser.add_argument("--compare-tiles", action="store_true", help="also run one pass against overlapping tiles")
    parser.add_argument(
        "--tile",
        type=int,
        nargs=3,
        metavar=("Z", "Y", "X"),
        help="voxels of these tiles (default: the network's patch, or half of it where the brain fits into that)",
    )
    parser.add_argument(
        "--apply",
        type=Path,
        metavar="MODEL",
        help="final .safetensors file: gets rules, calibration and figures of the folds",
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap intervals (default: 0)")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("DIR", "DIR"),
        help="instead: print two earlier outputs of this command beside each other as Markdown",
    )
    parser.add_argument(
        "--names", nargs=2, metavar=("NAME", "NAME"), help="what --compare calls them (default: the folders' names)"
    )


def run(options: argparse.Namespace) -> int:
    """Do it; 2 if some cases could not be scored."""
    _check(options)
    if options.compare:
        print(_comparison(options))
        return 0
    from tumorseg.console import ProgressLine

    line = ProgressLine()
    try:
        text, problems = _cross_validate(options, line)
    finally:
        line.close()
    print(text)
    for problem in problems:
        print(f"tumorseg-train: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _check(options: argparse.Namespace) -> None:
    from tumorseg.errors import BadInputError
    from tumorseg.images import check_writable

    if options.compare:
        if options.runs or options.output or options.apply:
            raise BadInputError("--compare reads two earlier outputs; leave the runs, --output and --apply away.")
        return
    if not options.runs or options.output is None:
        raise BadInputError("Name the run folders and --output, or two earlier outputs with --compare.")
    if options.names:
        raise BadInputError("--names belongs to --compare; leave it away.")
    if options.tile and not options.compare_tiles:
        raise BadInputError("--tile belongs to --compare-tiles; name that too.")
    if options.apply is not None:
        from tumorseg.modelfile import read_spec

        read_spec(options.apply)  # a wrong file is told before the long run
        check_writable(options.apply, (".safetensors",))


def _cross_validate(options: argparse.Namespace, line: ProgressLine) -> tuple[str, list[str]]:
    """The report for the terminal, and a sentence for each case that could not be used."""
    from tumorseg_training.crossval.apply import apply_to_model
    from tumorseg_training.crossval.report import FIGURE_FILE, REPORT_FILE, report_text, write_report
    from tumorseg_training.crossval.results import write_results
    from tumorseg_training.crossval.run import cross_validate
    from tumorseg_training.figures.agreement_plot import agreement_plot
    from tumorseg_training.figures.canvas import save

    found, problems = cross_validate(_request(options), line.show)
    save(agreement_plot(found.pairs), options.output / FIGURE_FILE)
    write_report(options.output, found, options.seed)
    write_results(options.output, found)
    parts = [report_text(found, options.seed), f"Report: {options.output / REPORT_FILE}"]
    if options.apply is not None:
        spec = apply_to_model(options.apply, found, options.seed)
        parts += [f"Written into {options.apply}:", *(f"- {sentence}" for sentence in spec.card.measured)]
    return "\n".join(parts), problems


def _request(options: argparse.Namespace) -> Request:
    from tumorseg_training.crossval.run import Request

    return Request(
        runs=options.runs,
        output=options.output,
        unseen=options.unseen,
        called=options.called,
        unseen_called=options.unseen_called,
        device=options.device,
        tta=options.tta,
        guides=None if options.guides is None else tuple(options.guides),
        tiles=options.compare_tiles,
        tile=tuple(options.tile) if options.tile else None,
        seed=options.seed,
        final=options.apply,
    )


def _comparison(options: argparse.Namespace) -> str:
    """Both parts as Markdown, each under a heading."""
    from tumorseg_training.crossval.results import read_results
    from tumorseg_training.crossval.side_by_side import ALONE, NESTED, side_by_side

    first, second = map(read_results, options.compare)
    names = tuple(options.names or (path.resolve().name for path in options.compare))
    titles = {ALONE: "Networks alone", NESTED: "With rules that the other cases chose"}
    return "\n\n".join(
        f"### {title}\n\n{side_by_side(first, second, names, part, options.seed)}" for part, title in titles.items()
    )
