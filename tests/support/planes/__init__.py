"""Real Terraform on stand-ins of the providers: what Terraform would do when a deployed twin is changed.

    with world(tmp_path) as world:
        world.apply("gcp", stack)
        assert world.changes("gcp", stack) == {}                        # a second plan is empty
        world.apply("gcp", stack, enable_events=False)
        assert world.dangling() == []                                   # nothing names what is gone

Terraform plans and applies the stack as it was synthesized. TF_REATTACH_PROVIDERS names servers in this
process as its providers google, azurerm, azapi, random and time. They answer on loopback with the
providers' schemas, by the rules of `kinds.toml`, and from a cloud in memory that refuses what the clouds
refuse. They need no network, and `time_sleep` takes no time.

Use this package to test changes of a deployed twin: plans, order, replacement, a second apply, a failed
one. Use `local_cloud.standins` to get a stack's values and outputs for running its functions. It replaces
each resource with `terraform_data`, which is quicker and has no rules about types: there, every change is
an update. `support.terraform` checks stacks with the real providers, where a mirror holds them.
"""

from support.planes.control import Call
from support.planes.world import TerraformFailed, World, world

__all__ = ["Call", "TerraformFailed", "World", "world"]
