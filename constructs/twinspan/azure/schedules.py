"""Scheduled functions: timer triggers of the Functions host."""

from typing import TYPE_CHECKING

from twin_runtime.roles import Schedule
from twinspan.azure.foundation import Foundation
from twinspan.providers import Construct

if TYPE_CHECKING:
    from twinspan.azure.functions import Function


def settings(schedule: Schedule) -> dict[str, str]:
    """What the function's code makes its triggers of, one for each partition: NCRONTAB has a field of seconds
    before cron's own.
    """
    return {"SCHEDULE": f"0 {schedule.cron}", "PARTITIONS": str(schedule.partitions)}


class Clock(Construct):
    """The alarm on failed runs. The host starts the runs. A lease in the storage account makes it start each
    partition's run once, however many instances there are.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        function: "Function",
        schedule: Schedule,
    ) -> None:
        super().__init__(scope, id_)
        foundation.monitoring.on_failed_run(function, schedule)
