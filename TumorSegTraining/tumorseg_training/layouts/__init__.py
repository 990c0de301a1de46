"""One module per way in which the public data sets arrange their files."""
