"""Small models made on the fly, so that tests need no shipped weights."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path

import torch

from tumorseg.modelfile import Model, ModelCard, ModelSpec, PostProcessing, load_model, save_model
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig

REGIONS = ("WT", "TC", "ET")


def small_spec(
    patch_size: tuple[int, int, int] = (8, 8, 8),
    outputs: str = "regions",
    regions: tuple[str, ...] = REGIONS,
    postprocessing: PostProcessing | None = None,
) -> ModelSpec:
    """The document of a two-level network."""
    channels = 4 if outputs == "classes" else len(regions)
    config = UNet3DConfig(features=(2, 4), out_channels=channels, deep_supervision=0)
    return ModelSpec(
        name="test",
        version="1.0",
        architecture=config.to_dict(),
        channels=("t1", "t1ce", "t2", "flair"),
        card=ModelCard("A test model"),
        patch_size=patch_size,
        outputs=outputs,
        regions=regions,
        postprocessing=postprocessing or PostProcessing(thresholds=(0.5,) * len(regions)),
    )


def random_model(patch_size: tuple[int, int, int] = (8, 8, 8), outputs: str = "regions") -> Model:
    """Seeded random weights."""
    spec = small_spec(patch_size, outputs)
    torch.manual_seed(0)
    return Model(spec, UNet3D(UNet3DConfig.from_dict(spec.architecture)).eval(), sha256="0" * 64)


def constant_model(probabilities: dict[str, float]) -> Model:
    """A network that answers with the same probability per region everywhere."""
    spec = small_spec(regions=tuple(probabilities))
    network = UNet3D(UNet3DConfig.from_dict(spec.architecture)).eval()
    head = network.heads["0"]
    torch.nn.init.zeros_(head.weight)
    head.bias.data = torch.tensor([log(p / (1 - p)) for p in probabilities.values()])
    return Model(spec, network, sha256="0" * 64)


def threshold_model(
    values: tuple[float, float, float] = (0.0, 1.0, 2.0),
    patch_size: tuple[int, int, int] = (8, 8, 8),
    other_half: bool = False,
) -> Model:
    """A network whose regions WT, TC and ET are the voxels where the normalised T1ce exceeds the values.

    With ``other_half`` its difference from the other half of the brain counts instead.

    Every convolution but the first passes its first channel on unchanged; norms are off.
    """
    inputs, seen = (8, 5) if other_half else (4, 1)  # channel 1 is T1ce, 5 its difference
    config = UNet3DConfig(in_channels=inputs, features=(1, 1), norm="none", activation="leaky_relu", deep_supervision=0)
    network = UNet3D(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.encoder[0][0].conv.weight[0, seen, 1, 1, 1] = 1
        network.encoder[0][1].conv.weight[0, 0, 1, 1, 1] = 1
        network.decoder["0"][0].conv.weight[0, 1, 1, 1, 1] = 1  # channel 0 is the upsampled one, 1 the skip
        network.decoder["0"][1].conv.weight[0, 0, 1, 1, 1] = 1
        network.heads["0"].weight[:] = 100
        network.heads["0"].bias[:] = -100 * torch.tensor(values)
    spec = ModelSpec("threshold", "1.0", config.to_dict(), ("t1", "t1ce", "t2", "flair"), ModelCard("A threshold"))
    return Model(replace(spec, patch_size=patch_size, other_half=other_half), network, sha256="0" * 64)


def one_channel_model() -> Model:
    """A random network that sees T1ce alone and finds the undivided tumor."""
    config = UNet3DConfig(in_channels=1, out_channels=1, features=(2, 4), deep_supervision=0)
    spec = replace(small_spec(regions=("WT",)), architecture=config.to_dict(), channels=("t1ce",))
    return Model(spec, UNet3D(config).eval(), sha256="0" * 64)


def saved(model: Model, folder: Path, name: str = "model.safetensors") -> Path:
    """Write a model to a folder."""
    path = folder / name
    save_model(path, model.spec, model.network.state_dict())
    return path


def reloaded(model: Model, folder: Path) -> Model:
    """A model as it comes back from its file."""
    return load_model(saved(model, folder))
