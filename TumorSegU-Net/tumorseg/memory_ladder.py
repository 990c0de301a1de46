"""The memory ladder: ways to run a network, dearest in memory first, planned from what is free before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

from tumorseg.footprint import bytes_per_voxel, receptive_radius
from tumorseg.free_memory import free_bytes
from tumorseg.modelfile import ModelSpec
from tumorseg.tiles import Size, Tiling, padded_size

BLOCK_SIZES = (192, 160, 128, 96, 64, 32)
"""Largest edges of the blocks into which a crop is cut when it is too large for one pass."""

MAX_HALO = 32
"""Voxels around a block that only give context. A deep network may look further, but hardly minds."""

RESERVE = {"cpu": 192 << 20, "cuda": 512 << 20, "mps": 512 << 20}
"""Bytes that a run takes beside feature maps and results: libraries, weights, work space that does not grow."""

FIELD_FREE_NORMS = ("batch", "none")
"""Norms that do the same whatever the network sees at once; the others take their mean over it."""

HALF_BYTES, FULL_BYTES = 2, 4

LARGEST_MAP = 2**31
"""Values of a batch's feature map that kernels of CUDA, which count in 32 bits, cannot hold any more."""

FreeBytes = Callable[[str], "int | None"]


@dataclass(frozen=True)
class Rung:
    """One step: where the network runs, on how much at once, and where the results are put together."""

    tiles_on: str
    sum_on: str
    tiling: Tiling
    batch: int = 1
    """Mirrored images in one pass."""

    def __str__(self) -> str:
        where = f"{self.tiling} on {self.tiles_on}"
        return where if self.sum_on == self.tiles_on else f"{where}, sum on {self.sum_on}"


def plan(spec: ModelSpec, crop: Size, device: str, mirrors: int = 1, free: FreeBytes = free_bytes) -> list[Rung]:
    """The rungs of the ladder that should fit, first choice first.

    Args:
        spec: of the model.
        crop: size (z, y, x) of the brain crop in voxels.
        device: where to begin.
        mirrors: mirrored images per tile; a GPU takes as many at once as fit.
        free: tells the bytes that are free on a device.

    Returns:
        At least one rung: where nothing seems to fit, the last one is tried all the same.
    """
    rungs = ladder(spec, crop, device)
    known = {place: free(place) for place in {rung.tiles_on for rung in rungs} | {"cpu"}}
    fitting = [rung for rung in rungs if _fits(rung, spec, crop, known)]
    if fitting:
        return [_batched(rung, spec, crop, mirrors, known[rung.tiles_on]) for rung in fitting]
    return rungs[-1:]


def ladder(spec: ModelSpec, crop: Size, device: str) -> list[Rung]:
    """All rungs that a run can go down, first choice first; see docs/performance.md for their order."""
    tilings = list(_tilings(spec, crop))
    if device == "cpu":
        return [Rung("cpu", "cpu", tiling) for tiling in tilings]
    return [*_device_rungs(device, tilings, spec), *(Rung("cpu", "cpu", tiling) for tiling in tilings)]


def needed_bytes(rung: Rung, spec: ModelSpec, crop: Size) -> dict[str, int]:
    """Estimated bytes that a rung takes on each device it uses."""
    config = spec.network_config
    value_bytes = HALF_BYTES if runs_in_half(rung.tiles_on, spec) else FULL_BYTES
    network = int(rung.batch * bytes_per_voxel(config, value_bytes) * prod(rung.tiling.size))
    # Logits, their weights, and the padded input.
    maps = config.out_channels + 1 + config.in_channels
    results = FULL_BYTES * maps * prod(padded_size(crop, config.divisor))
    needed = {rung.tiles_on: network + RESERVE[_kind(rung.tiles_on)]}
    needed[rung.sum_on] = needed.get(rung.sum_on, 0) + results
    return needed


def runs_in_half(device: str, spec: ModelSpec) -> bool:
    """Whether a GPU runs a network in float16: where a norm keeps its values small."""
    return device.startswith("cuda") and spec.network_config.norm != "none"


def _tilings(spec: ModelSpec, crop: Size) -> Iterator[Tiling]:
    """Ways to cut a crop, for one device."""
    config = spec.network_config
    if spec.resized:
        yield Tiling("whole", spec.patch_size)
        return
    if not spec.single_pass:
        yield Tiling("tiles", spec.patch_size)
        z, y, x = (size // 2 for size in spec.patch_size)
        if config.norm in FIELD_FREE_NORMS and not any(size % config.divisor for size in (z, y, x)):
            yield Tiling("tiles", (z, y, x))
        return
    whole = padded_size(crop, config.divisor)
    yield Tiling("whole", whole)
    yield from _blocks(whole, config.divisor, receptive_radius(config))


def _blocks(whole: Size, divisor: int, radius: int) -> Iterator[Tiling]:
    """Smaller and smaller ones; multiples of the divisor, so that every block is halved at the same voxels."""
    halo = padded_size((min(radius, MAX_HALO),) * 3, divisor)[0]
    last = whole
    for edge in BLOCK_SIZES:
        if edge % divisor == 0 and edge > 2 * halo:
            z, y, x = (_even(size, edge, halo) for size in whole)
            block = padded_size((z, y, x), divisor)
            if block != last:
                yield Tiling("blocks", block, halo)
            last = block


def _even(size: int, most: int, halo: int) -> int:
    """Edge of blocks of one size that cover an axis, as many as it takes with an edge of at most so many voxels."""
    count = max(1, ceil((size - 2 * halo) / (most - 2 * halo)))
    return ceil((size + 2 * halo * (count - 1)) / count)


def _device_rungs(device: str, tilings: Sequence[Tiling], spec: ModelSpec) -> Iterator[Rung]:
    """Rungs of a GPU. Whole crops of a network whose norm depends on what it sees go to the CPU rather than be cut."""
    cut = tilings if spec.network_config.norm in FIELD_FREE_NORMS or not spec.single_pass else tilings[:1]
    for tiling in cut:
        yield Rung(device, device, tiling)
        yield Rung(device, "cpu", tiling)


def _fits(rung: Rung, spec: ModelSpec, crop: Size, free: dict[str, int | None]) -> bool:
    for place, wanted in needed_bytes(rung, spec, crop).items():
        have = free[place]
        if have is not None and wanted > have:
            return False
    return True


def _batched(rung: Rung, spec: ModelSpec, crop: Size, mirrors: int, free: int | None) -> Rung:
    """A GPU's rung with as many mirrored images in one pass as fit; a CPU gains nothing by more than one."""
    batch = 1 if rung.tiles_on == "cpu" else mirrors
    while batch > 1:
        larger = replace(rung, batch=batch)
        fits = free is None or needed_bytes(larger, spec, crop)[rung.tiles_on] <= free
        if fits and _largest_map(larger, spec) < LARGEST_MAP:
            return larger
        batch //= 2
    return rung


def _largest_map(rung: Rung, spec: ModelSpec) -> int:
    """Values of the largest feature map of a batch."""
    config = spec.network_config
    merged = 2 if config.skip == "concat" else 1
    return rung.batch * merged * config.features[0] * prod(rung.tiling.size)


def _kind(device: str) -> str:
    return device.partition(":")[0]
