"""cold_writer: receives files of the cold tier from another cloud, and reads of them."""

from __future__ import annotations

from twin_runtime.context import Context
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.tier_reader import TierReader
from twin_runtime.tiers.tier_writer import TierWriter


def assemble(context: Context) -> TierWriter:
    objects = context.cloud.objects(context.settings["COLD_STORE"])
    return TierWriter(
        twin=context.twin,
        objects=objects,
        log=context.log,
        link=context.secret("LINK_SECRET"),
        api_keys=context.api_keys(),
        budget=context.limits.budget(),
        reader=TierReader(objects, context.twin),
        catalogue=Catalogue(objects, context.twin, log=context.log),
    )
