"""Values of fields between their nodes, looked up by all threads: most of the time that a patient takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.ndimage import map_coordinates

from tumorseg.threads import thread_count

from .space import Floats


def looked_up(field: Floats, places: Floats, order: int) -> Floats:
    """Values of a field (z, y, x) at places (3, ...) between its nodes; outside of the field the border value.

    Args:
        field: its values at the nodes, or for ``order`` 3 the factors of the B-splines there.
        places: (z, y, x), counted in nodes.
        order: of the splines.
    """
    points, values = places.reshape(3, -1), np.empty(places[0].size, np.float32)
    count = thread_count()
    ends = np.linspace(0, values.size, count + 1, dtype=int).tolist()

    def look(start: int, stop: int) -> None:
        part = slice(start, stop)
        map_coordinates(field, points[:, part], values[part], order=order, mode="nearest", prefilter=False)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(look, ends[:-1], ends[1:]))
    return values.reshape(places[0].shape)
