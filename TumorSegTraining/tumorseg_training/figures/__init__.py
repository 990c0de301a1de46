"""The figures of the paper, redrawn from a run folder."""
