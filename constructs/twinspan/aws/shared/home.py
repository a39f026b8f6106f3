"""Where a twin was deployed first: Terraform refuses to plan it anywhere else."""

from twinspan.providers import Construct, TerraformOutput, TerraformResourceLifecycle
from twinspan.providers.terraform import TerraformData
from twinspan.terraform.resources import place

OUTPUT = "deployed_in"


class Home(Construct):
    """Account and region in the state, as they were at the first apply.

    The provider looks for everything in the region of its block. In another region, or with the credentials
    of another account, it finds nothing, and Terraform drops from its state what it does not find. A plan
    would then make the twin anew. Tables, queues and buckets of the old place would stay, unknown to
    Terraform and without functions that work.
    """

    def __init__(self, scope: Construct, id_: str, *, account: str, region: str) -> None:
        super().__init__(scope, id_)
        first = TerraformData(
            self,
            "first",
            value={"account": account, "region": region},
            lifecycle=TerraformResourceLifecycle(ignore_changes=["input"]),
        )
        home = place(first, "home").path("output")
        output = TerraformOutput(
            self,
            "output",
            value=f"${{{home}}}",
            description="Account and region of the first apply. The twin stays there until it is destroyed.",
        )
        output.override_logical_id(OUTPUT)
        refusal = {
            "condition": f'${{{home}.account == "{account}" && {home}.region == "{region}"}}',
            "error_message": (
                f"This twin is deployed in account ${{{home}.account}}, region ${{{home}.region}}. "
                f"Terraform would not find it in account {account}, region {region}. "
                "Use the region and the credentials of the first deployment. "
                "To move the twin, destroy it with those first."
            ),
        }
        output.add_override("precondition", [refusal])  # CDKTF forgets the argument `precondition`
