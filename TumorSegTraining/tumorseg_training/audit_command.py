"""``tumorseg-train audit``: say what a downloaded data set holds and everything that is wrong with it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

WHEN_STOPPED = "nothing was written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("path", type=Path, metavar="PATH", help="folder, .zip or .tar as downloaded; it is only read")
    parser.add_argument(
        "--output", type=Path, default=Path("audit"), metavar="DIR", help="for audit.csv and audit.json (default audit)"
    )
    workers = min(8, os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=workers, help=f"processes (default {workers})")


def run(options: argparse.Namespace) -> int:
    """Look at every case, print a table and write the reports; 0 when at least one case is usable, else 2."""
    from tumorseg.console import ProgressLine
    from tumorseg.images import check_folder
    from tumorseg_training.audit import audit
    from tumorseg_training.audit_report import text_report, write_reports
    from tumorseg_training.listing import check_outside

    check_outside(options.output, options.path)
    check_folder(options.output)
    line = ProgressLine()
    try:
        found = audit(options.path, options.workers, lambda done, all_: line.show(f"{done} of {all_} cases looked at"))
    finally:
        line.close()
    print(text_report(found))
    print("Written:", ", ".join(map(str, write_reports(found, options.output))))
    return 0 if found.usable else 2
