"""The JSON schema of a MONAI bundle's metadata, written down from MONAI's bundle specification.

https://docs.monai.io/en/stable/mb_specification.html, "metadata.json File": mandatory keys, tensor specifiers, types.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_VERSIONS = {"type": "object", "additionalProperties": _TEXT}
_TENSOR_TEXTS = ("type", "format", "modality", "dtype")
_TENSOR = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_TENSOR_TEXTS, _TEXT),
        "num_channels": {"type": "integer", "minimum": 1},
        "spatial_shape": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": ["integer", "string"]}},
        "value_range": {"type": "array", "items": {"type": "number"}, "maxItems": 2},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object", "additionalProperties": _TEXT},
    },
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range", "channel_def"],
}
_TENSORS = {"type": "object", "minProperties": 1, "additionalProperties": _TENSOR}
_TEXTS = ("schema", "version", "monai_version", "pytorch_version", "numpy_version", "task", "description", "authors")

METADATA_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "properties": {
        **dict.fromkeys((*_TEXTS, "copyright", "intended_use", "data_source", "data_type"), _TEXT),
        "changelog": _VERSIONS,
        "required_packages_version": _VERSIONS,
        "references": {"type": "array", "items": _TEXT},
        "network_data_format": {
            "type": "object",
            "properties": dict.fromkeys(("inputs", "outputs", "post_processed_outputs"), _TENSORS),
            "required": ["inputs", "outputs"],
        },
    },
    "required": [*_TEXTS, "copyright", "required_packages_version", "network_data_format"],
}
