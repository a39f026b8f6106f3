"""JSON Schema of `twinspan plan --against OLD.yaml --json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from command.schemas import NUMBER, TEXT, Schema, array, by_name, document

_TEXTS = array(TEXT)
_COST = document(usd_per_month=TEXT, usd_per_million_events=TEXT)


def _list(fields: Mapping[str, Any], description: str) -> Schema:
    return {**array(document(**fields)), "description": description}


SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **document(
        **{
            "twin": {**TEXT, "description": "Name of the twin after the edit."},
            "changes": _list(
                {
                    "section": TEXT,
                    "name": TEXT,
                    "change": {"enum": ["added", "removed", "changed"]},
                    "before": {"description": "As in the file; null where the entry is new."},
                    "after": {"description": "As in the file; null where the entry is gone."},
                },
                "Differences of the two files.",
            ),
            "deletions": _list(
                {
                    "store": {**TEXT, "description": "<layer>@<cloud>"},
                    "reason": TEXT,
                    "refused": {
                        "type": "boolean",
                        "description": "Whether --delete-data must name the store. Messages alone: false.",
                    },
                    "resources": {
                        **by_name(_TEXTS),
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
                    "cloud": TEXT,
                    "functions": _TEXTS,
                    "digest_before": TEXT,
                    "digest_after": TEXT,
                    "why": _TEXTS,
                },
                "Functions with new code, by cloud, with SHA-256 digests of the package.",
            ),
            "costs": document(before=_COST, after=_COST, assumptions=TEXT),
            "resources": {
                **document(
                    stacks=by_name(document(appear=_TEXTS, vanish=_TEXTS, replaced=_TEXTS, changed=_TEXTS)),
                    synthesis_seconds=NUMBER,
                ),
                "description": "Addresses of Terraform resources, by stack.",
            },
        }
    ),
}
