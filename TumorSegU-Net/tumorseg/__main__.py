"""``python -m tumorseg`` is the command ``tumorseg``."""

from tumorseg.cli import command

command()
