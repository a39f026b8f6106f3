"""Functions that run by the clock: timer triggers of the Functions host."""

from twin_runtime.roles import Schedule
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.providers import Construct


class Clock(Construct):
    """Tells when a run fails. Runs are the host's: by a lease in the storage account each partition's is
    started once, however many instances there are.
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
