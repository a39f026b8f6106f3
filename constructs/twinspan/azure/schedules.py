"""Scheduled functions: timer triggers of the Functions host."""

from twin_runtime.roles import MOVERS, Schedule
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.providers import Construct


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
        function: Function,
        schedule: Schedule,
    ) -> None:
        super().__init__(scope, id_)
        foundation.monitoring.on_failed_run(
            function.role,
            schedule,
            app=function.app,
            layer=function.layer,
            optional=function.optional,
            after=function.code.address,
        )
        if function.role in MOVERS:
            foundation.monitoring.on_behind(function.role, app=function.app, layer=function.layer)
