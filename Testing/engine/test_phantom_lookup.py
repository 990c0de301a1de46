"""Fields between their nodes: the same values however many threads look them up, and none looked up twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from tumorseg.phantom.anatomy import individual_positions
from tumorseg.phantom.lookup import looked_up
from tumorseg.phantom.noise import NoiseField, stream
from tumorseg.phantom.space import FIELD_GRID, Floats
from tumorseg.phantom.spec import draw_spec


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("shape", [(7, 5, 3), (2,), (0,)])
def test_any_number_of_threads_gives_the_values_of_scipy(
    order: int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    field = random.normal(0, 1, (6, 7, 8)).astype(np.float32)
    places = random.uniform(-2, 9, (3, *shape)).astype(np.float32)
    expected = map_coordinates(field, places, order=order, mode="nearest", prefilter=False)
    for threads in (1, 4):
        monkeypatch.setenv("TUMORSEG_THREADS", str(threads))
        np.testing.assert_array_equal(looked_up(field, places, order), expected)


def test_what_both_halves_have_in_common_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    at = NoiseField.at

    def noted(field: NoiseField, z: Floats, y: Floats, x: Floats) -> Floats:
        sizes.append(x.size)
        return at(field, z, y, x)

    monkeypatch.setattr(NoiseField, "at", noted)
    positions = individual_positions(draw_spec(3), stream(3, "brain"))
    assert [position.shape for position in positions] == [FIELD_GRID.shape] * 3
    assert sizes == [np.prod(FIELD_GRID.shape) // 2] * 3
