"""Brains without a tumor on the anatomy of published atlases, to train on."""
