"""``python -m tumorseg`` is the command ``tumorseg``."""

import sys

from tumorseg.cli import main

sys.exit(main())
