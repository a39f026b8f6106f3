"""What every stack has: its state's place and the variables that ops set at deploy time."""

from twinspan.providers import Construct, TerraformStack, TerraformVariable
from twinspan.terraform.backend import StateBackend
from twinspan.terraform.resources import EVENTS_VARIABLE, KEY_GENERATION_VARIABLE
from twinspan.twin import Twin


class TwinStack(TerraformStack):
    """A Terraform root module of the twin.

    Both variables are declared in every stack, even where nothing reads them: `cdktf deploy --var` hands each
    one to all stacks, and Terraform refuses a variable that it does not know.
    """

    def __init__(self, scope: Construct, name: str, *, twin: Twin) -> None:
        super().__init__(scope, name)
        self.twin = twin
        StateBackend(twin.config).attach(self, name)
        TerraformVariable(
            self,
            EVENTS_VARIABLE,
            type="bool",
            nullable=False,
            default=twin.config.events.enabled,
            description="Whether the event system exists: event checker, feedback to the devices, workflow.",
        )
        generation = f"var.{KEY_GENERATION_VARIABLE}"
        TerraformVariable(
            self,
            KEY_GENERATION_VARIABLE,
            type="number",
            nullable=False,
            default=1,
            description="Generation of API and signing keys. Raise it by one to rotate without downtime.",
        ).add_validation(
            condition=f"${{{generation} >= 1 && floor({generation}) == {generation}}}",
            error_message="key_generation is a whole number of at least 1.",
        )

    def prepare_stack(self) -> None:
        """Prepare nothing. CDKTF would resolve the whole stack once more, in search of tokens that point into
        another stack: references between stacks are outputs, by name (`twinspan.terraform.backend`).
        """
