"""Waits for what Google Cloud makes true some time after it has answered."""

from twinspan.providers import Construct
from twinspan.providers.time import TimeSleep
from twinspan.terraform.resources import Ref, place

SETTLES_S = 60
"""Until a grant holds everywhere, as google_cloudfunctions2_function's documentation waits for one; until a
service that was enabled answers, and until Google has made the account of a service.
"""


class Wait(Construct):
    """A minute between what is made (`needs`) and what uses it, once for all that is made together.

    The wait begins anew when something is added, or replaced.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, f"wait-{name}")
        self._sleep = place(TimeSleep(self, "sleep", seconds=SETTLES_S), name)

    def needs(self, name: str, value: str) -> None:
        """Begin after a resource; `value` is an attribute that is new when the resource is, such as its id.
        `name` is unique in the wait.
        """
        self._sleep.element.add_override(f"triggers.{name}", value)

    @property
    def over(self) -> Ref:
        """For `depends_on` of what uses it."""
        return self._sleep
