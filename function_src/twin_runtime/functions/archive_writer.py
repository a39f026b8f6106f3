"""archive_writer: receives files of the archive from another cloud."""

from __future__ import annotations

from twin_runtime.context import Context
from twin_runtime.tiers.tier_writer import TierWriter


def assemble(context: Context) -> TierWriter:
    return TierWriter(
        twin=context.twin,
        objects=context.cloud.objects(context.settings["ARCHIVE_STORE"]),
        log=context.log,
        link=context.secret("LINK_SECRET"),
        api_keys=context.api_keys(),
        budget=context.limits.budget(),
    )
