"""JSON Schema of `twinspan plan --against OLD.yaml --json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_COST = {"usd_per_month": _TEXT, "usd_per_million_events": _TEXT}


def _object(fields: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    """An object with exactly these fields."""
    said = {"description": description} if description else {}
    return {
        "type": "object",
        **said,
        "required": list(fields),
        "additionalProperties": False,
        "properties": dict(fields),
    }


def _list(fields: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": _object(fields)}


def _by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": dict(values)}


SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {
            "twin": {**_TEXT, "description": "Name of the twin after the edit."},
            "changes": _list(
                {
                    "section": _TEXT,
                    "name": _TEXT,
                    "change": {"enum": ["added", "removed", "changed"]},
                    "before": {"description": "As in the file; null where the entry is new."},
                    "after": {"description": "As in the file; null where the entry is gone."},
                },
                "Differences of the two files.",
            ),
            "deletions": _list(
                {
                    "store": {**_TEXT, "description": "<layer>@<cloud>"},
                    "reason": _TEXT,
                    "refused": {
                        "type": "boolean",
                        "description": "Whether --delete-data must name the store. Messages alone: false.",
                    },
                    "resources": {
                        **_by_name(_TEXTS),
                        "description": "Terraform addresses, by what they hold.",
                    },
                    "keep_with": {
                        "type": ["string", "null"],
                        "description": "The entry of former: that would keep it.",
                    },
                },
                "What a deployment would delete of stores.",
            ),
            "stranded": {
                **_TEXTS,
                "description": "Clouds without an entry any more, whose resources stay and are billed.",
            },
            "former": {**_TEXTS, "description": "former: as it keeps all that can be kept; empty: no offer."},
            "refusals": {**_TEXTS, "description": "Why the edit must not be deployed as it is."},
            "code": _list(
                {
                    "cloud": _TEXT,
                    "functions": _TEXTS,
                    "digest_before": _TEXT,
                    "digest_after": _TEXT,
                    "why": _TEXTS,
                },
                "Functions with new code, by cloud, with SHA-256 digests of the package.",
            ),
            "costs": _object({"before": _object(_COST), "after": _object(_COST), "assumptions": _TEXT}),
            "resources": _object(
                {
                    "stacks": _by_name(
                        _object(dict.fromkeys(("appear", "vanish", "replaced", "changed"), _TEXTS))
                    ),
                    "synthesis_seconds": {"type": "number"},
                },
                "Addresses of Terraform resources, by stack.",
            ),
        }
    ),
}
