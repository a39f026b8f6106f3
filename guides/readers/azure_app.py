"""A Function App of a stack, with what the deployed package says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from guides.readers import azure_names as names
from guides.readers.azure_host import Host
from guides.readers.azure_package import Indexed, indexed, resolved
from guides.readers.values import known
from twin_runtime.roles import Role
from twinspan.terraform.stackjson import Block, Blocks, environment

ROLE = "TWIN_ROLE"
"""The app setting that says which of the package's apps the host loads."""
_POISON = "-poison"
"""What the Functions host appends to a queue's name; no setting."""
_THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"
_PLANS = {"FC1": "Flex Consumption"}
_ARGUMENTS = (
    *(
        "//",
        "count",
        "depends_on",
        "name",
        "resource_group_name",
        "location",
        "tags",
        "lifecycle",
        "service_plan_id",
    ),
    *("storage_container_type", "storage_container_endpoint", "storage_authentication_type"),
    *("storage_user_assigned_identity_id", "runtime_name", "runtime_version", "instance_memory_in_mb"),
    *("maximum_instance_count", "https_only", "public_network_access_enabled", "identity", "site_config"),
    *("webdeploy_publish_basic_authentication_enabled", "app_settings"),
)
_SITE = (
    *("application_insights_connection_string", "http2_enabled", "minimum_tls_version"),
    "scm_minimum_tls_version",
)


@dataclass(frozen=True)
class App:
    """`settings` are its app settings as they stand in the stack, `functions` what the host finds in it."""

    block: Block
    blocks: Blocks
    role: Role
    settings: Mapping[str, str]
    host: Host
    functions: tuple[Indexed, ...]

    @classmethod
    def of(cls, block: Block, blocks: Blocks) -> "App":
        """KeyError when an argument, or the role, is not known."""
        known(block.body, _ARGUMENTS, of=block)
        known(block.body["site_config"], _SITE, of=block)
        settings = environment(block.body["app_settings"])
        if settings.get(ROLE) not in tuple(Role):
            raise KeyError(f"{block.address} has no {ROLE} that the guides know: {settings.get(ROLE)!r}")
        role = Role(settings[ROLE])
        return cls(block, blocks, role, settings, Host(settings), indexed(role, settings))

    @property
    def address(self) -> str:
        return self.block.address

    @cached_property
    def identity(self) -> Block:
        """The managed identity that its code acts as."""
        return self.target(self.block.body["identity"]["identity_ids"], names.IDENTITY)

    @property
    def public(self) -> bool:
        """Whether the network reaches it."""
        return self.block.body["public_network_access_enabled"]

    @property
    def runtime(self) -> str:
        return f"{self.block.body['runtime_name']} {self.block.body['runtime_version']}"

    @property
    def memory_mb(self) -> int:
        return self.block.body["instance_memory_in_mb"]

    @property
    def timeout_s(self) -> int:
        return self.host.seconds("functionTimeout")

    @property
    def limits(self) -> tuple[str, ...]:
        plan = self.target(self.block.body["service_plan_id"], names.PLAN).body["sku_name"]
        if plan not in _PLANS:
            raise KeyError(f"{self.address} is on the plan {plan}, which the guides do not know")
        threads = self.settings.get(_THREADS)
        if threads is None:
            raise KeyError(f"{self.address} does not say its {_THREADS}")
        return (
            f"{_PLANS[plan]} plan ({plan}), no instance while nothing calls",
            f"{self.block.body['maximum_instance_count']} instances at most",
            f"{threads} call{'' if threads == '1' else 's'} at a time per instance ({_THREADS})",
            f"{'public' if self.public else 'no public'} network access",
        )

    def target(self, value: object, *kinds: str) -> Block:
        """The one block of these types that one of its values refers to."""
        return names.target(value, *kinds, of=self.block, blocks=self.blocks)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of its triggers, such as `queueTrigger`."""
        return tuple(dict.fromkeys(function.trigger["type"] for function in self.functions))

    def of_kind(self, kind: str) -> list[Indexed]:
        """The functions that have a trigger of this type."""
        return [function for function in self.functions if function.trigger["type"] == kind]

    def schedule(self, function: Indexed) -> str:
        """When a function runs by the clock, as NCRONTAB."""
        return resolved(function.trigger["schedule"], self.settings)

    @property
    def schedules(self) -> tuple[str, ...]:
        """The schedules of its timers, each once."""
        return tuple(dict.fromkeys(map(self.schedule, self.of_kind("timerTrigger"))))

    def poison(self, queue: Block) -> Block | None:
        """Where the host moves messages of a queue that failed too often: it knows that name alone. None when
        the stack has no such queue.
        """
        name = f"{names.name(queue)}{_POISON}"
        return next((each for each in self.blocks.of(names.QUEUE) if names.name(each) == name), None)
