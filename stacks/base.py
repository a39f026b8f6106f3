"""What every stack has: its state's place, the variables that ops can set at deploy time, and what it says of
itself.
"""

from twin_runtime.roles import Cloud
from twinspan import __version__, outputs
from twinspan.providers import Construct, TerraformStack, TerraformVariable
from twinspan.terraform.backend import StateBackend
from twinspan.terraform.resources import EVENTS_VARIABLE, KEY_GENERATION_VARIABLE, KEYS_REVOKED_VARIABLE
from twinspan.twin import Twin


class TwinStack(TerraformStack):
    """A Terraform root module of the twin.

    The variables are declared in every stack, even where nothing reads them: `cdktf deploy --var` hands each
    one to all stacks, and Terraform refuses a variable that it does not know.
    """

    def __init__(self, scope: Construct, name: str, *, twin: Twin) -> None:
        super().__init__(scope, name)
        self.twin = twin
        config = twin.config
        StateBackend(config).attach(self, name)
        TerraformVariable(
            self,
            EVENTS_VARIABLE,
            type="bool",
            nullable=False,
            default=config.events.enabled,
            description="Whether the event system exists: event checker, feedback to the devices, workflow.",
        )
        generation, revoked = f"var.{KEY_GENERATION_VARIABLE}", f"var.{KEYS_REVOKED_VARIABLE}"
        TerraformVariable(
            self,
            KEY_GENERATION_VARIABLE,
            type="number",
            nullable=False,
            default=config.keys.generation,
            description="Generation of API and signing keys. Raise it by one to rotate without downtime.",
        ).add_validation(
            condition=f"${{{generation} >= 1 && floor({generation}) == {generation}}}",
            error_message="key_generation is a whole number of at least 1.",
        )
        TerraformVariable(
            self,
            KEYS_REVOKED_VARIABLE,
            type="number",
            nullable=False,
            default=config.keys.revoked_before,
            description="Generations of keys below this one are refused within a minute.",
        ).add_validation(
            condition=f"${{{revoked} >= 0 && floor({revoked}) == {revoked} && {revoked} <= {generation}}}",
            error_message="keys_revoked_before is a whole number from 0 to key_generation.",
        )
        outputs.publish(self, outputs.DEPLOYMENT, self._deployment(name))

    def prepare_stack(self) -> None:
        """Prepare nothing. CDKTF would resolve the whole stack once more, in search of tokens that point into
        another stack: references between stacks are outputs, by name (`twinspan.terraform.backend`).
        """

    def _deployment(self, name: str) -> dict[str, object]:
        topology = self.twin.topology
        here = Cloud(name) if name in tuple(Cloud) else None
        return {
            "twinspan": __version__,
            "twin": self.twin.config.name,
            "layers": [layer.value for layer in topology.layers_in(here)] if here else [],
            "former": [layer.value for layer in topology.former_in(here)] if here else [],
            "events": f"${{var.{EVENTS_VARIABLE}}}",
            "key_generation": f"${{var.{KEY_GENERATION_VARIABLE}}}",
            "keys_revoked_before": f"${{var.{KEYS_REVOKED_VARIABLE}}}",
        }
