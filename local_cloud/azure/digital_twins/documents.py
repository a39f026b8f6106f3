"""Documents of twins: whether they conform to their model, and JSON Patch on them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from local_cloud.azure.digital_twins.errors import Refusal
from local_cloud.azure.digital_twins.models import Models
from local_cloud.azure.digital_twins.schemas import SCHEMAS

MODEL_PATH = "/$metadata/$model"

Document = dict[str, Any]


def read(body: Any, models: Models) -> tuple[str, Document]:
    """Model and contents of a twin that is written; raises `Refusal`."""
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidArgument", "A twin is a JSON object.")
    metadata = body.get("$metadata")
    model = metadata.get("$model") if isinstance(metadata, dict) else None
    if not isinstance(model, str) or model not in models.known:
        raise Refusal(400, "InvalidArgument", f"{model!r} is not the id of a model that is there.")
    contents = {name: value for name, value in body.items() if not name.startswith("$")}
    check(model, contents, models)
    return model, contents


def check(model: str, contents: Mapping[str, Any], models: Models) -> None:
    """Raise `Refusal` for a twin that does not conform to its model."""
    if model not in models.known:
        raise Refusal(400, "ValidationFailed", f"The model {model} is not there: the twin can only be read.")
    declared = models.contents(model)
    for name, value in contents.items():
        content = declared.get(name)
        if content is None or content["@type"] != "Property":
            raise Refusal(400, "ValidationFailed", f"{model} has no property {name}.")
        if not SCHEMAS[content["schema"]](value):
            raise Refusal(400, "ValidationFailed", f"{name} is not of the schema {content['schema']}.")


def patched(model: str, contents: Document, patch: Any, models: Models) -> tuple[str, Document]:
    """Model and contents after a JSON Patch; raises `Refusal`, and then nothing has changed."""
    if not isinstance(patch, list) or not patch:
        raise Refusal(400, "JsonPatchInvalid", "A JSON Patch is a list of operations.")
    contents = copy.deepcopy(contents)
    for operation in patch:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise Refusal(400, "JsonPatchInvalid", "An operation has op and path.")
        kind, path = operation.get("op"), operation["path"]
        if kind not in ("add", "replace", "remove"):
            raise Refusal(400, "JsonPatchInvalid", "Operations are limited to add, replace and remove.")
        if kind != "remove" and "value" not in operation:
            raise Refusal(400, "JsonPatchInvalid", f"The operation {kind} has no value.")
        if path == MODEL_PATH and kind == "replace":
            model = operation["value"]
            continue
        name = path.removeprefix("/")
        if not path.startswith("/") or "/" in name or name.startswith("$"):
            raise Refusal(400, "JsonPatchInvalid", f"The path {path} cannot be written here.")
        if kind != "add" and name not in contents:
            raise Refusal(400, "JsonPatchInvalid", f"There is nothing at {path}.")
        if kind == "remove":
            del contents[name]
        else:
            contents[name] = operation["value"]
    check(model, contents, models)
    return model, contents
