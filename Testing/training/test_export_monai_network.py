"""Our U-Net and MONAI's DynUNet with its weights are the same function."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from monai.networks.nets import DynUNet

from support.models import random_model
from support.trained_runs import PATCH, three_level_model
from tumorseg.calibration import calibrated, with_calibration
from tumorseg.errors import BadInputError
from tumorseg.modelfile import Model, PostProcessing
from tumorseg_training.export.monai_network import calibrated_head, check_expressible, dynunet_arguments, dynunet_state


def _in_monai(model: Model, state: dict[str, torch.Tensor] | None = None) -> DynUNet:
    config = model.spec.network_config
    network = DynUNet(**dynunet_arguments(config))
    network.load_state_dict(dynunet_state(config, state or dict(model.network.state_dict())), strict=True)
    return network.eval()


def _logits(network: DynUNet, x: torch.Tensor) -> torch.Tensor:
    """What a network of (x, y, z) arrays says of a (batch, channel, z, y, x) array."""
    return network(x.permute(0, 1, 4, 3, 2)).permute(0, 1, 4, 3, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "group", "features": (8, 8, 16, 24)},
        {"norm": "group", "features": (4, 4, 4)},
        {"norm": "batch", "activation": "relu"},
        {"in_channels": 1, "out_channels": 1, "deep_supervision": 0},
    ],
)
def test_logits_are_equal(changes: dict[str, Any]) -> None:
    model = three_level_model(**changes)
    x = torch.randn(2, model.spec.network_config.in_channels, *PATCH) + torch.linspace(-1, 1, PATCH[2])
    x = x if len(model.spec.network_config.features) == 3 else torch.cat([x, x], dim=2)[..., :16, :8, :]
    other = _in_monai(model).double()  # rounding aside, they are equal
    with torch.inference_mode():
        expected = model.network.double()(x.double())
        assert expected.std() > 0.1
        torch.testing.assert_close(_logits(other, x.double()), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"down": "maxpool"}, "halves with strides, not with max pooling"),
        ({"up": "trilinear"}, "has transposed convolutions, not interpolation"),
        ({"skip": "add"}, "concatenates skip connections"),
        ({"decoder_blocks": 1}, "two convolutions per decoder level"),
        ({"output_level": 1, "deep_supervision": 0}, "output at full resolution"),
        ({"norm": "none"}, "always normalises"),
        ({"norm": "group", "features": (4, 8, 8)}, "same number of groups everywhere"),
    ],
)
def test_networks_that_dynunet_is_not_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError, match=f"cannot be written for MONAI: MONAI's DynUNet .*{reason}.*; use --to nat"):
        check_expressible(three_level_model(**changes).spec)


def test_other_models_that_monai_cannot_run_are_refused() -> None:
    with pytest.raises(BadInputError, match="at least three levels"):
        check_expressible(random_model().spec)
    with pytest.raises(BadInputError, match="do not stretch the brain"):
        check_expressible(replace(three_level_model().spec, resized=True))
    with pytest.raises(BadInputError, match="do not average over mirrored inputs"):
        check_expressible(replace(three_level_model().spec, tta=True))
    with pytest.raises(BadInputError, match="sliding windows do not see the brain at once; use --to native"):
        check_expressible(replace(three_level_model().spec, single_pass=True))
    with pytest.raises(BadInputError, match="do not compare both halves"):
        check_expressible(replace(three_level_model().spec, other_half=True))
    with pytest.raises(BadInputError, match="do not let outlines follow the volumes"):
        check_expressible(replace(three_level_model().spec, guides=("t1ce",)))
    with pytest.raises(BadInputError, match="do not take slow changes of brightness out"):
        check_expressible(replace(three_level_model().spec, normalisation="zscore-flat"))
    with pytest.raises(BadInputError, match="only networks with region outputs"):
        check_expressible(replace(three_level_model(out_channels=4).spec, outputs="classes"))


def test_calibration_moves_into_the_head() -> None:
    model = three_level_model()
    rules = with_calibration(PostProcessing((0.3, 0.5, 0.6)), (2.0, 1.5, 0.5), (0.4, 0.0, -0.3))
    state = dict(model.network.state_dict())
    x = torch.randn(1, 4, *PATCH)
    with torch.inference_mode():
        raw = model.network(x)[0].sigmoid().numpy()
        expected = calibrated(raw, rules)
        found = _logits(_in_monai(model, calibrated_head(state, rules)), x)[0].sigmoid()
        torch.testing.assert_close(found, torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-5)
        at_half = _logits(_in_monai(model, calibrated_head(state, rules, at_half=True)), x)[0].sigmoid().numpy()
    far = abs(raw - torch.tensor([0.3, 0.5, 0.6]).reshape(3, 1, 1, 1).numpy()) > 1e-5
    assert ((at_half > 0.5) == (raw > torch.tensor([0.3, 0.5, 0.6]).reshape(3, 1, 1, 1).numpy()))[far].all()
