"""The command ``tumorseg``, and what has to be settled before numpy is imported."""

from __future__ import annotations

import os
from typing import NoReturn

from tumorseg.threads import BLAS_VARIABLE


def command() -> NoReturn:
    """Run the command and end the process."""
    os.environ.setdefault(BLAS_VARIABLE, "1")
    from tumorseg.cli import command as run

    run()
