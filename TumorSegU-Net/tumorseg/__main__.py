"""``python -m tumorseg`` is the command ``tumorseg``."""

from tumorseg.start import command

command()
