"""One pass over the brain crop against overlapping tiles: the same network, run both ways on the cases it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tumorseg.errors import BadInputError, CancelledError, TumorSegError
from tumorseg.grids import to_working, working_grid
from tumorseg.modelfile import Model
from tumorseg.normalise import bounding_box, brain_mask
from tumorseg.pipeline import Options, labels_of, reference_sequence, segment
from tumorseg.sequences import Case
from tumorseg.volume import LabelArray
from tumorseg_training.cases import read_labelled
from tumorseg_training.crossval.folds import Judged
from tumorseg_training.evaluate import Show
from tumorseg_training.metrics import region_dice, scored_regions

Size = tuple[int, int, int]


@dataclass(frozen=True)
class TileCase:
    """A case run both ways.

    Attributes:
        case: its name.
        crop: size (z, y, x) of the one pass in voxels of the network.
        tile: size (z, y, x) of the tiles.
        whole: Dice by region of the one pass.
        tiled: Dice by region of the tiles.
    """

    case: str
    crop: Size
    tile: Size
    whole: dict[str, float]
    tiled: dict[str, float]

    @property
    def differences(self) -> dict[str, float]:
        """Dice of the one pass minus that of the tiles, by region."""
        return {region: dice - self.tiled[region] for region, dice in self.whole.items()}


def compare_tiles(
    judged: Sequence[Judged], device: str, show: Show, tile: Size | None = None
) -> tuple[list[TileCase], list[str]]:
    """Run every case both ways.

    Args:
        judged: the cases.
        device: as in ``Options``.
        show: told which case is run.
        tile: size (z, y, x); by default the network's own, or half of it when the crop fits into that.

    Returns:
        The cases, and a sentence for each problem.

    Raises:
        BadInputError: a tile that the network cannot be given.
    """
    _check_tile(judged, tile)
    found: list[TileCase] = []
    problems: list[str] = []
    for number, item in enumerate(judged, start=1):
        show(f"[{number}/{len(judged)}] {item.case.name}: one pass and tiles")
        try:
            found.append(_compared(item, device, tile))
        except CancelledError:
            raise
        except TumorSegError as error:
            problems.extend(f"{item.case.name}: {problem}" for problem in error.problems)
    return found, problems


def _check_tile(judged: Sequence[Judged], tile: Size | None) -> None:
    for divisor in {item.fold.model.spec.network_config.divisor for item in judged}:
        if tile is not None and any(size < 1 or size % divisor for size in tile):
            raise BadInputError(f"The tile {tile} is not three multiples of {divisor}; give another one.")


def _compared(item: Judged, device: str, tile: Size | None) -> TileCase:
    model = item.fold.model
    volumes, truth, _ = read_labelled(item.case, model.spec.channels)
    crop = _crop_size(volumes, model)
    tile = tile or _default_tile(crop, model)
    whole, tiled = (
        region_dice(_labels(volumes, model, size, device), truth, scored_regions(truth)) for size in (crop, tile)
    )
    kept = [region for region in whole if region in model.spec.regions]
    return TileCase(item.case.name, crop, tile, *({name: dice[name] for name in kept} for dice in (whole, tiled)))


def _crop_size(volumes: Case, model: Model) -> Size:
    """The brain crop of the engine, rounded up to what the network can divide."""
    grid = working_grid(volumes[reference_sequence(model.spec)].geometry, model.spec.spacing)
    box = bounding_box(brain_mask([to_working(volumes[name], grid) for name in model.spec.channels]))
    divisor = model.spec.network_config.divisor
    z, y, x = (_rounded_up(side.stop - side.start, divisor) for side in box)
    return z, y, x


def _default_tile(crop: Size, model: Model) -> Size:
    own, divisor = model.spec.patch_size, model.spec.network_config.divisor
    if any(n > size for n, size in zip(crop, own, strict=True)):
        return own
    z, y, x = (_rounded_up(size // 2, divisor) for size in own)
    return z, y, x


def _rounded_up(size: int, divisor: int) -> int:
    return -(-size // divisor) * divisor


def _labels(volumes: Case, model: Model, patch: Size, device: str) -> LabelArray:
    sized = replace(model, spec=replace(model.spec, patch_size=patch, single_pass=False))
    result = segment(volumes, sized, Options(device=device))
    return labels_of(result.probabilities, sized.spec, result.geometry)
