"""The model file: one ``.safetensors`` whose header carries a JSON document that says everything needed to run it.

Reading the document needs neither torch nor the weights, so a list of models costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorseg.errors import ModelError
from tumorseg.network_config import UNet3DConfig
from tumorseg.safetensors_file import Tensors, read_header, read_tensors, write_tensors
from tumorseg.sequences import SEQUENCES
from tumorseg.torch_import import require_torch

if TYPE_CHECKING:
    from tumorseg.network import Ensemble, UNet3D

SCHEMA_VERSION = 1
METADATA_KEY = "tumorseg"

MAX_MEMBERS = 25
"""Networks of an ensemble: five folds of five trainings are the largest in use."""

SPACING_RANGE_MM = (0.2, 10.0)
"""Voxel sizes that a network of the brain can have; others would ask for absurd amounts of memory."""

CLASSES = ("background", "NCR", "ED", "ET")
"""Channels of a network with exclusive classes."""

AXES = "zyx"
"""Of images, as letters that a model file uses for the axes along which they are mirrored."""

NORMALISATIONS = ("zscore-brain", "zscore-flat", "minmax-brain")

OUTPUT_REGIONS = "regions"
OUTPUT_CLASSES = "classes"

_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that steer a terminal, or that no file and no header of an image can hold."""


@dataclass(frozen=True)
class PostProcessing:
    """Rules that follow the network.

    Attributes:
        thresholds: probability (calibrated) above which a voxel belongs to the region, one per output region.
        min_component_ml: connected parts of the whole tumor below this volume (mL) are removed.
        min_enhancing_ml: an enhancing part below this total volume (mL) is turned into core (nnU-Net's ET rule,
            arXiv 2011.00848).
        temperatures: one per output region; probability p becomes sigmoid(logit(p) / temperature + bias). Empty
            where probabilities are not calibrated.
        biases: one per output region, added to the logit; empty where probabilities are not calibrated.
    """

    thresholds: tuple[float, ...] = (0.5, 0.5, 0.5)
    min_component_ml: float = 0.0
    min_enhancing_ml: float = 0.0
    temperatures: tuple[float, ...] = ()
    biases: tuple[float, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """What a person should know before trusting a model; shown by ``tumorseg models show`` and in Slicer.

    Raises:
        ValueError: an entry that is not text.
    """

    title: str
    description: str = ""
    intended_use: str = "Research only. Not a medical device; not for diagnosis or treatment decisions."
    training_data: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    licence: str = ""
    attribution: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, is_list = getattr(self, entry.name), entry.default == ()
            if isinstance(value, tuple) is not is_list or not all(map(_is_text, value if is_list else [value])):
                raise ValueError(f"the card's {entry.name} must be {'a list of texts' if is_list else 'text'}")


@dataclass(frozen=True)
class ModelSpec:
    """The JSON document of a model file.

    Attributes:
        name: identifier, e.g. ``glioma``.
        version: of the weights.
        architecture: ``UNet3DConfig`` values.
        channels: sequence of each channel, in order.
        card: what a person should know before trusting the model.
        spacing: voxel size (x, y, z) in mm that the network expects; orientation is always LPS.
        patch_size: tile (z, y, x) in voxels for which the network was trained.
        outputs: ``regions`` (sigmoid per name) or ``classes`` (softmax over background, NCR, ED, ET).
        regions: names of the output regions, outermost first: WT, TC, ET.
        normalisation: over the brain per channel, 0 outside: ``zscore-brain`` (zero mean, unit variance),
            ``zscore-flat`` (the same, after slow changes of brightness over the head are taken out) or
            ``minmax-brain`` (scaled to 0-1).
        resized: whether the brain crop is stretched to ``patch_size`` as a whole, instead of run in tiles.
        single_pass: whether the network was trained on whole brain crops and sees them at once, instead of in tiles of
            ``patch_size``.
        postprocessing: rules that follow the network.
        members: networks of the same architecture whose logits are averaged; above 1 the weights of the first are
            ``member0.*`` and so on.
        mirror_axes: letters of the axes along which training mirrored, and so test-time augmentation may: ``x`` left
            and right, ``y`` front and back, ``z`` top and bottom.
        tta: whether predictions are averaged over these mirrorings unasked.
        other_half: whether the channels are followed by the difference of each from the other half of the brain.
        guides: sequences whose intensities the outlines follow between the network's voxels (``guided``).
        training: hashes and settings of the run that made the weights.
        schema: version of the document's layout; files of another one are refused.
    """

    name: str
    version: str
    architecture: dict[str, Any]
    channels: tuple[str, ...]
    card: ModelCard
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    patch_size: tuple[int, int, int] = (96, 96, 96)
    outputs: str = OUTPUT_REGIONS
    regions: tuple[str, ...] = ("WT", "TC", "ET")
    normalisation: str = "zscore-brain"
    resized: bool = False
    single_pass: bool = False
    postprocessing: PostProcessing = field(default_factory=PostProcessing)
    members: int = 1
    mirror_axes: str = AXES
    tta: bool = False
    other_half: bool = False
    guides: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The document as stored in the header."""
        return json.dumps(asdict(self))

    @property
    def inputs(self) -> int:
        """Channels of the network's input: one for each sequence, two with ``other_half``."""
        return input_count(self.channels, self.other_half)

    @property
    def thresholds(self) -> dict[str, float]:
        """Probability (calibrated) above which a voxel belongs to each region, outermost region first."""
        return dict(zip(self.regions, self.postprocessing.thresholds, strict=True))

    @property
    def network_config(self) -> UNet3DConfig:
        """The architecture; raises ``TypeError`` or ``ValueError`` when it is not one."""
        return UNet3DConfig.from_dict(self.architecture)


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to run.

    Attributes:
        spec: its document.
        weights: a network of torch, or the tensors of a file, from which one is made when it is needed.
        sha256: of its file.
        file: name of its file.
    """

    spec: ModelSpec
    weights: UNet3D | Ensemble | Tensors
    sha256: str
    file: str = ""

    @property
    def stored(self) -> Tensors | None:
        """The weights by name, where they came from a file and so cannot change."""
        return self.weights if isinstance(self.weights, dict) else None

    @cached_property
    def network(self) -> UNet3D | Ensemble:
        """The network in torch, float32, in evaluation mode when it came from a file.

        Raises:
            ModelError: weights that do not fit the architecture.
            TumorSegError: torch cannot be loaded.
        """
        if not isinstance(self.weights, dict):
            return self.weights
        require_torch()
        import torch

        from tumorseg.network import build_network

        try:
            with torch.device("meta"):  # takes no memory before the file is known to hold such a network
                network = build_network(self.spec.network_config, self.spec.members)
            tensors = {name: torch.from_numpy(array) for name, array in self.weights.items()}
            # Numbers of batches stay whole: assigned tensors keep their type.
            weights = {
                name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
            }
            network.load_state_dict(weights, assign=True)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"The weights in {self.file} do not fit the network that it describes.") from error
        return network.eval()


def input_count(channels: Sequence[str], other_half: bool) -> int:
    """Inputs of a network: one for each channel, and as many more where both halves of the brain are compared."""
    return len(channels) * (2 if other_half else 1)


def are_guides(guides: Sequence[str], channels: Sequence[str]) -> bool:
    """Whether outlines can follow these sequences: each is an input of the network, once."""
    return isinstance(guides, tuple) and all(name in channels and guides.count(name) == 1 for name in guides)


def read_spec(path: Path) -> ModelSpec:
    """Read and validate the document of a model file, without its weights.

    Raises:
        ModelError: not a model file, or one that this version does not understand.
    """
    metadata = read_header(path).get("__metadata__")
    document = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(document, str):
        raise ModelError(f"{path.name} holds weights but no TumorSegU-Net description; it cannot be used as a model.")
    try:
        return _parse(json.loads(document))
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"The description in the model file {path.name} cannot be used: {error}.") from error


def open_model(path: Path) -> Model:
    """Read a model file with its weights, without torch; whether they fit is found out by whoever runs it.

    Raises:
        ModelError: as ``read_spec``.
    """
    return Model(read_spec(path), read_tensors(path), file_sha256(path), path.name)


def load_model(path: Path) -> Model:
    """Read a model file with its weights and build the network in torch.

    Raises:
        ModelError: as ``read_spec``, or weights that do not fit the architecture.
    """
    model = open_model(path)
    _ = model.network  # made now, so that weights that do not fit are found now
    return model


def save_model(path: Path, spec: ModelSpec, state: Mapping[str, Any]) -> None:
    """Write a model file with float16 weights, atomically.

    Args:
        path: ``.safetensors`` file.
        spec: the document.
        state: state dict of a ``UNet3D`` or ``Ensemble`` (tensors).

    Raises:
        ModelError: a document that could not be read back, or weights that are not finite; nothing is written.
    """
    try:
        _validate(spec)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The model {path.name} cannot be written: {error}.") from error
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
    with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused below
        halves = {name: a.astype(np.float16) if a.dtype == np.float32 else a for name, a in tensors.items()}
    if not all(np.isfinite(array).all() for array in halves.values()):
        raise ModelError(f"The model {path.name} cannot be written: its weights are not finite numbers in float16.")
    write_tensors(path, halves, {METADATA_KEY: spec.to_json()})


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _parse(values: dict[str, Any]) -> ModelSpec:
    if values.get("schema") != SCHEMA_VERSION:
        raise ValueError(f"schema {values.get('schema')} is not {SCHEMA_VERSION}; update TumorSegU-Net")
    plain = _tuples(values)
    plain["card"] = ModelCard(**_tuples(values["card"]))
    plain["postprocessing"] = PostProcessing(**_tuples(values["postprocessing"]))
    spec = ModelSpec(**plain)
    _validate(spec)
    return spec


def _validate(spec: ModelSpec) -> None:
    """Raise a ``ValueError`` or ``TypeError`` that says what this version cannot use."""
    config = spec.network_config
    low, high = SPACING_RANGE_MM
    outputs = len(spec.regions) if spec.outputs == OUTPUT_REGIONS else len(CLASSES)
    checks = {
        "name and version must be text of one line": bool(spec.name)
        and all(_is_text(text) and "\n" not in text for text in (spec.name, spec.version)),
        f"unknown input channels {spec.channels}": set(spec.channels) <= set(SEQUENCES) and bool(spec.channels),
        f"unknown kind of outputs {spec.outputs!r}": spec.outputs in (OUTPUT_REGIONS, OUTPUT_CLASSES),
        f"unknown regions {spec.regions}": spec.regions == ("WT", "TC", "ET")
        or (spec.regions == ("WT",) and spec.outputs == OUTPUT_REGIONS),
        f"unknown normalisation {spec.normalisation!r}": spec.normalisation in NORMALISATIONS,
        f"resized must be true or false, not {spec.resized!r}": isinstance(spec.resized, bool),
        f"single_pass must be true or false, not {spec.single_pass!r}": isinstance(spec.single_pass, bool),
        "a network is either resized or single_pass": not (spec.resized and spec.single_pass),
        f"mirror_axes must be some of the letters {AXES}, not {spec.mirror_axes!r}": isinstance(spec.mirror_axes, str)
        and set(spec.mirror_axes) <= set(AXES),
        f"tta must be true or false, not {spec.tta!r}": isinstance(spec.tta, bool),
        f"other_half must be true or false, not {spec.other_half!r}": isinstance(spec.other_half, bool),
        f"guides must be different ones of the channels, not {spec.guides!r}": are_guides(spec.guides, spec.channels),
        "tta needs mirror_axes": bool(spec.mirror_axes) or not spec.tta,
        f"members must be a whole number from 1 to {MAX_MEMBERS}, not {spec.members!r}": type(spec.members) is int
        and 1 <= spec.members <= MAX_MEMBERS,
        f"spacing {spec.spacing} is not three sizes from {low} to {high} mm": len(spec.spacing) == 3
        and all(low <= size <= high for size in spec.spacing),
        f"patch size {spec.patch_size} is not three multiples of {config.divisor}": len(spec.patch_size) == 3
        and all(isinstance(size, int) and size > 0 and size % config.divisor == 0 for size in spec.patch_size),
        "thresholds must be numbers between 0 and 1": all(
            _is_number(value) and 0 < value < 1 for value in spec.postprocessing.thresholds
        ),
        "smallest volumes must be numbers of 0 mL or more": all(
            _is_number(value) and value >= 0
            for value in (spec.postprocessing.min_component_ml, spec.postprocessing.min_enhancing_ml)
        ),
        "one threshold per region is needed": len(spec.postprocessing.thresholds) == len(spec.regions),
        "calibration needs a positive temperature and a bias per region": _calibrates(spec),
        "the network's input channels differ from the named ones": config.in_channels == spec.inputs,
        "the network's outputs differ from the named ones": config.out_channels == outputs,
    }
    for problem, fine in checks.items():
        if not fine:
            raise ValueError(problem)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _NO_TEXT.search(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _calibrates(spec: ModelSpec) -> bool:
    """Whether the calibration is complete, or absent."""
    temperatures, biases = spec.postprocessing.temperatures, spec.postprocessing.biases
    if not temperatures and not biases:
        return True
    return (
        len(temperatures) == len(biases) == len(spec.regions)
        and all(math.isfinite(number) for number in (*temperatures, *biases))
        and min(temperatures) > 0
    )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON lists back to the tuples of the dataclasses."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
