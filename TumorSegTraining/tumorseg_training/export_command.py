"""``tumorseg-train export``: write the model of a run, or of several as an ensemble."""

from __future__ import annotations

import argparse
from pathlib import Path

WHEN_STOPPED = "nothing was written"

NATIVE, MONAI_BUNDLE, AUTO3DSEG = "native", "monai-bundle", "auto3dseg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument(
        "--run",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help="run folder of fit; several, as of the folds of a cross-validation, become an ensemble",
    )
    parser.add_argument("--card", type=Path, required=True, metavar="TOML", help="name, version, card and rules")
    parser.add_argument(
        "--to",
        choices=(NATIVE, MONAI_BUNDLE, AUTO3DSEG),
        default=NATIVE,
        help="native: model file of TumorSegU-Net (default); monai-bundle: MONAI bundle; auto3dseg: model of the "
        "MONAIAuto3DSeg extension of 3D Slicer",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="a .safetensors file; for monai-bundle a new folder or a .zip; for auto3dseg brats-NAME-v1.0.0.zip",
    )


def run(options: argparse.Namespace) -> int:
    """Write the model."""
    check_output(options.to, options.output)
    from tumorseg_training.export.source import read_source

    source = read_source(options.run, options.card)
    if options.to == MONAI_BUNDLE:
        from tumorseg_training.export.monai_bundle import write_monai_bundle as write
    elif options.to == AUTO3DSEG:
        from tumorseg_training.export.auto3dseg import write_auto3dseg as write
    else:
        from tumorseg_training.export.native import write_native as write
    write(source, options.output)
    print(f"Written to {options.output}")
    return 0


def check_output(to: str, output: Path) -> None:
    """Make sure, before anything is read, that the result can be written.

    Raises:
        BadInputError: it cannot.
    """
    from tumorseg.errors import BadInputError
    from tumorseg.images import check_writable

    if to == MONAI_BUNDLE and output.suffix.lower() == ".safetensors":
        raise BadInputError(f"A MONAI bundle is a folder or a .zip, not {output.name}; name one, or leave out --to.")
    if to == NATIVE:
        check_writable(output, (".safetensors",))
    elif to == MONAI_BUNDLE and output.suffix.lower() != ".zip":
        from tumorseg_training.export.packing import check_new_folder

        check_new_folder(output)
    else:
        check_writable(output, (".zip",))
    if to == AUTO3DSEG:
        from tumorseg_training.export.auto3dseg import check_file_name

        check_file_name(output)
