"""``make demo``: a synthetic patient through the module's own logic in a real MRML scene, without Slicer or a screen.

Makes a glioma patient (BraTS 2020 files and true labels), loads the four volumes as Slicer volume nodes, segments them
with the shipped network in a worker process, and writes the result, a report and a picture.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import slicer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "TumorSegU-Net"))  # TumorSegUNetLib belongs to the Slicer module and is not installed

from tumorseg.atomic import atomic_path  # noqa: E402
from tumorseg.case_files import find_case  # noqa: E402
from tumorseg.console import ProgressLine, table  # noqa: E402
from tumorseg.errors import TumorSegError  # noqa: E402
from tumorseg.measure import measure  # noqa: E402
from tumorseg.phantom import make_patient, write_patient  # noqa: E402
from tumorseg.progress import Progress  # noqa: E402
from tumorseg.regions import LabelConvention  # noqa: E402
from tumorseg.segmentation_file import write_result  # noqa: E402
from tumorseg.sequences import SEQUENCES  # noqa: E402
from tumorseg.volume import Geometry, LabelArray  # noqa: E402
from tumorseg_training.cases import LabelledCase, find_labelled_cases, read_truth  # noqa: E402
from tumorseg_training.metrics import region_dice  # noqa: E402
from TumorSegUNetLib.logic import TumorSegUNetLogic  # noqa: E402
from TumorSegUNetLib.run import Outcome, Run  # noqa: E402
from TumorSegUNetLib.scene import createScene  # noqa: E402
from TumorSegUNetLib.segmentations import labelsFromNode  # noqa: E402
from TumorSegUNetLib.views import renderOverview  # noqa: E402
from TumorSegUNetLib.volumes import geometryOfNode  # noqa: E402

SEED = 7
PATIENT = f"Synthetic_{SEED:04d}"


def main() -> int:
    """Run the demonstration; the exit code."""
    parser = argparse.ArgumentParser(description="Segment a synthetic glioma patient in a MRML scene.")
    parser.add_argument("--output", type=Path, default=ROOT / "demo", help="folder for everything that is made")
    parser.add_argument("--model", help="another model than the shipped one")
    options = parser.parse_args()
    try:
        demonstrate(options.output, options.model)
    except TumorSegError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def demonstrate(output: Path, model: str | None = None) -> dict[str, float]:
    """Make the patient, segment it and write all results into ``output``.

    Returns:
        Dice of WT, TC and ET against the true labels.
    """
    case = _patient(output)
    nodes = _load(find_case(output / PATIENT))
    outcome = _segment(nodes, model)
    labels, geometry = labelsFromNode(outcome.segmentation), geometryOfNode(nodes["t1ce"])
    truth, _ = read_truth(case)
    dice = region_dice(labels, truth)
    files = [output / name for name in ("segmentation.seg.nrrd", "segmentation.nii.gz", "report.json", "views.png")]
    for path in files[:2]:
        write_result(labels, geometry, path, outcome.provenance, LabelConvention.BRATS_2023)
    _write_report(outcome, dice, files[2])
    renderOverview(nodes["t1ce"], outcome.segmentation, files[3], title=f"{PATIENT}: T1ce with segmentation")
    _print_findings(outcome, truth, geometry, dice)
    print("Written:", *(output / PATIENT, *files), sep="\n  ")
    return dice


def _patient(output: Path) -> LabelledCase:
    """The synthetic patient on disk; an earlier run's is used again."""
    folder = output / PATIENT
    if len(list(folder.glob(f"{PATIENT}_*.nii.gz"))) < len(SEQUENCES) + 1:
        print(f"Making the synthetic patient {PATIENT} ...", flush=True)
        write_patient(make_patient(SEED), output, PATIENT)
    return find_labelled_cases(folder)[0]


def _load(files: dict[str, Path]) -> dict[str, slicer.vtkMRMLScalarVolumeNode]:
    """The volumes as Slicer reads them from disk."""
    scene = createScene()
    nodes = {}
    for sequence, path in files.items():
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.name.removesuffix(".nii.gz"))
        storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(str(path))
        if not storage.ReadData(node):
            raise TumorSegError(f"Slicer's reader cannot read {path}; delete it and run the demo again.")
        nodes[sequence] = node
    return nodes


def _segment(nodes: dict[str, slicer.vtkMRMLScalarVolumeNode], model: str | None) -> Outcome:
    print("Segmenting in a worker process ...", flush=True)
    line = ProgressLine()

    def show(run: Run) -> None:
        progress = run.progress
        if progress.stage:
            line(Progress(progress.stage, progress.fraction, progress.secondsLeft, progress.device))

    try:
        return TumorSegUNetLogic().run(nodes, model, surfaces=True, onPoll=show).outcome
    finally:
        line.close()


def _write_report(outcome: Outcome, dice: dict[str, float], path: Path) -> None:
    document = {
        "measurements": outcome.measurements,
        "findings": outcome.findings,
        "provenance": outcome.provenance,
        "seconds": outcome.seconds,
        "dice_against_truth": {region: round(value, 4) for region, value in dice.items()},
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _print_findings(outcome: Outcome, truth: LabelArray, geometry: Geometry, dice: dict[str, float]) -> None:
    true = measure(truth, geometry)
    rows = [
        (
            name,
            f"{values['volume_ml']:.1f}",
            f"{true[name].volume_ml:.1f}",
            f"{dice[name]:.3f}" if name in dice else "-",
        )
        for name, values in outcome.measurements.items()
    ]
    print(table(("region", "volume (mL)", "true (mL)", "Dice"), rows))
    print("Seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in outcome.seconds.items()))
    print(f"Device: {outcome.provenance['device']}. {outcome.provenance['device_reason']}")
    print(f"Model: {outcome.provenance['model']}. {outcome.provenance['intended_use']}")


if __name__ == "__main__":
    sys.exit(main())
