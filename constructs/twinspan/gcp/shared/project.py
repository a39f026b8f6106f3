"""The project of a stack: its provider, the services that it needs, and the accounts in it."""

from typing import Any

from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.shared.waits import Wait
from twinspan.inventory import Inventory
from twinspan.providers import Construct
from twinspan.providers.gcp import GoogleProvider, ProjectService, ServiceAccount
from twinspan.providers.random import RandomProvider
from twinspan.providers.time import TimeProvider
from twinspan.terraform.resources import Ref, place
from twinspan.twin import Twin

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)
CLOCK_SERVICE = "cloudscheduler"
LAYER_SERVICES: dict[Layer, tuple[str, ...]] = {
    Layer.PROCESSING: ("firestore", "workflows", "workflowexecutions"),
    Layer.HOT_STORAGE: ("firestore",),
    Layer.TWIN_MANAGEMENT: ("firestore",),
}


def provider(scope: Construct, twin: Twin) -> tuple[str, str]:
    """Declare hashicorp/google for the twin's project and region, and return the two."""
    cloud = twin.config.clouds.gcp
    if cloud is None:
        raise ValueError("a layer is in gcp, but twin.yaml has no clouds.gcp")
    GoogleProvider(scope, "google", project=cloud.project, region=cloud.region)
    return cloud.project, cloud.region


class Project(Construct):
    """Provider block, enabled services and service accounts of the Google Cloud stack."""

    project: str
    region: str
    settled: Wait
    """Over when builds hold their role, and Pub/Sub's agent exists."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin) -> None:
        super().__init__(scope, id_)
        self.twin = twin
        self.inventory = Inventory()
        self.project, self.region = provider(self, twin)
        self._random: RandomProvider | None = None
        self._accounts: dict[str, Ref] = {}
        TimeProvider(self)
        self._enabled = Wait(self, "enabled")
        self._enable()
        self.settled = Wait(self, "settled")

    @property
    def ready(self) -> list[Any]:
        """For `depends_on` of a resource that refers to nothing which already waits for the services."""
        return [self._enabled.over.element]

    def path(self, collection: str, ref: Ref, attribute: str = "name") -> str:
        """The full name of a thing, as functions are given it: `projects/<project>/<collection>/<name>`.

        Its `id` is the same text, but is known only after it was made: one value of that kind makes a whole
        map of environment variables unknown, and google's provider then fails its own plan.
        """
        return f"projects/{self.project}/{collection}/{ref[attribute]}"

    def protects(self, layer: Layer | None) -> bool:
        """Whether what a layer holds is protected from deletion; None is what the layers share."""
        return self.twin.config.protects(layer)

    def need_random(self) -> None:
        """Declare hashicorp/random, once."""
        if self._random is None:
            self._random = RandomProvider(self)

    def account(self, scope: Construct, what: Role | str, *, purpose: str, optional: bool = False) -> Ref:
        """A service account of its own, named after a role or another purpose."""
        name = names.account(self.twin.names, what)
        account = ServiceAccount(
            scope,
            f"account-{what}",
            account_id=name,
            display_name=f"{self.twin.config.name}: {purpose}",
            depends_on=self.ready,
        )
        placed = place(account, str(what), optional=optional)
        self._accounts[str(what)] = self.inventory.part(placed, name)
        return self._accounts[str(what)]

    def member(self, function: contracts.Function) -> str:
        """The identity of one of this stack's functions, as an IAM member."""
        return self._accounts[str(function.role)]["member"]

    def _enable(self) -> None:
        topology = self.twin.topology
        layers = (*topology.layers_in(Cloud.GCP), *topology.former_in(Cloud.GCP))
        services = {*SERVICES, *(name for layer in layers for name in LAYER_SERVICES.get(layer, ()))}
        if any(ROLES[role].schedule and cloud is Cloud.GCP for role, cloud in topology.roles.items()):
            services.add(CLOCK_SERVICE)
        # Left enabled on destroy: other things in the project may use them, and disabling deletes their
        # resources.
        enabled = ProjectService(
            self, "services", service="${each.value}.googleapis.com", disable_on_destroy=False
        )
        listed = ", ".join(f'"{service}"' for service in sorted(services))
        enabled.add_override("for_each", f"${{toset([{listed}])}}")
        placed = place(enabled, "required")
        each = f"[for service in {placed.address} : service.id]"
        self._enabled.needs("services", f'${{join(" ", {each})}}')
