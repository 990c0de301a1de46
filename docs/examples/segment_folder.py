"""Segments every case below a folder with 3D Slicer, without its main window.

    Slicer --no-main-window --no-splash --python-script segment_folder.py CASES OUTPUT

A case is a folder with four volumes named like Case_t1.nii.gz, Case_t1ce.nii.gz, Case_t2.nii.gz, Case_flair.nii.gz.
OUTPUT gets CASE.seg.nrrd, CASE.csv and CASE.html. Cases whose segmentation is there already are skipped, so a batch
that was interrupted goes on where it was. The exit code is 0 if every case is there, 1 otherwise.
"""

import argparse
import sys

from tumorseg.errors import TumorSegError
from TumorSegUNetLib.batch import CaseResult
from TumorSegUNetLib.logic import TumorSegUNetLogic


def main() -> int:
    """Segment the cases that the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Segment every case below a folder.")
    parser.add_argument("cases")
    parser.add_argument("output")
    parser.add_argument("--model", help="name or file of the model")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    logic = TumorSegUNetLogic()
    try:
        results = logic.segmentFolder(
            options.cases, options.output, options.model, options.device, onCase=lambda case: print(line(case))
        )
    except (TumorSegError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        logic.shutdown()
    return 0 if all(result.state != "failed" for result in results) else 1


def line(case: CaseResult) -> str:
    """What is printed for a case, with what should be looked at."""
    if case.state == "done":
        done = f"{case.name}: done, whole tumor {case.measurements['WT']['volume_ml']:.1f} mL"
        return "\n".join((done, *(f"{case.name}: {remark}" for remark in case.remarks)))
    return f"{case.name}: {case.state} {' '.join(case.problems)}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
