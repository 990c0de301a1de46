"""Turn a run into a model file that ships: name, version, card and rules are added to the trained weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.images import check_writable
from tumorseg.modelfile import ModelCard, load_model, save_model
from tumorseg_training.fit import MODEL_FILE
from tumorseg_training.toml_file import TOMLDecodeError, read_toml


def export(run: Path, card_file: Path, output: Path) -> None:
    """Write the weights of a run with the card and rules of a TOML file.

    Args:
        run: run folder of ``fit``.
        card_file: TOML with ``name``, ``version``, ``[card]`` and ``[postprocessing]``.
        output: ``.safetensors`` file.

    Raises:
        BadInputError: an unreadable or incomplete card file, or an output that cannot be written.
        ModelError: the run has no usable model, or the rules do not fit it.
    """
    check_writable(output, (".safetensors",))
    values = _read_card(card_file)
    model = load_model(run / MODEL_FILE)
    try:
        spec = replace(
            model.spec,
            name=values["name"],
            version=values["version"],
            card=ModelCard(**values["card"]),
            # What evaluate --calibrate has fitted stays, unless the card says otherwise.
            postprocessing=replace(model.spec.postprocessing, **values.get("postprocessing", {})),
        )
    except (KeyError, TypeError) as error:
        raise BadInputError(f"The model card {card_file} is incomplete or has unknown entries: {error}.") from error
    save_model(output, spec, model.network.state_dict())


def _read_card(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"The model card {path} cannot be read ({error.strerror}); check the path.") from error
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"The model card {path} is not TOML: {error}.") from error
