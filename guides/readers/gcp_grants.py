"""Who may do what in a Google Cloud stack, by its IAM members, and what that lets a function do with data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from guides import facts
from guides.readers import gcp_names as names
from guides.readers.gcp_names import target
from guides.readers.values import known
from twinspan.terraform.stackjson import Block, Blocks, references

EVERYBODY = "allUsers"
PUBSUB_AGENT = "@gcp-sa-pubsub.iam.gserviceaccount.com"
"""The end of the member that is Google's own account for Pub/Sub."""
INVOKER = "roles/run.invoker"
SERVICE_MEMBER = "google_cloud_run_v2_service_iam_member"
_PROJECT_MEMBER = "google_project_iam_member"
_ON: Mapping[str, tuple[str, tuple[str, ...]]] = {
    SERVICE_MEMBER: ("name", (names.FUNCTION, "google_cloud_run_v2_service")),
    "google_pubsub_subscription_iam_member": ("subscription", (names.SUBSCRIPTION,)),
    "google_pubsub_topic_iam_member": ("topic", (names.TOPIC,)),
    "google_secret_manager_secret_iam_member": ("secret_id", (names.SECRET,)),
    "google_service_account_iam_member": ("service_account_id", (names.ACCOUNT,)),
    "google_storage_bucket_iam_member": ("bucket", (names.BUCKET,)),
}
"""By Terraform type: the argument that names what is granted on, and the types of that."""
_WHOLE_PROJECT: Mapping[str, str] = {"roles/workflows.invoker": names.WORKFLOW}
"""What a role on the project is about, where no condition says it."""
_COMMON = ("//", "count", "depends_on", "member", "role")
_DATABASE = re.compile(r'resource\.name == "projects/(?P<project>[^/"]+)/databases/(?P<name>[^/"]+)"')


class Meaning(NamedTuple):
    """What a role lets a function do with data, in words that stand before what it is done to."""

    reads: str = ""
    writes: str = ""


_DOES: Mapping[str, Meaning] = {
    "roles/datastore.user": Meaning(writes="writes documents of"),
    "roles/datastore.viewer": Meaning(reads="queries and gets documents of"),
    "roles/pubsub.publisher": Meaning(writes="publishes to"),
    "roles/secretmanager.secretAccessor": Meaning(reads="reads"),
    "roles/storage.objectUser": Meaning("lists and reads files of", "writes and deletes files of"),
    "roles/storage.objectViewer": Meaning(reads="lists and reads files of"),
    "roles/workflows.invoker": Meaning(writes="starts executions of"),
}
_MOVES_FROM: Mapping[str, Meaning] = {
    "roles/datastore.user": Meaning("queries and gets documents of", "writes and deletes documents of"),
}
"""The same where a function moves data away: Google's role for writing lets read and delete as well."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A member has a role. `on` are the addresses that it has it on."""

    address: str
    role: str
    member: str
    on: tuple[str, ...]
    where: str = ""
    """The project that it is granted on, with the condition if there is one."""

    def to(self, account: Block) -> bool:
        """Whether the member is this service account."""
        return any(reference.address == account.address for reference in references(self.member))

    def meaning(self, *, moves: bool) -> Meaning:
        """`moves`: the function moves data away. KeyError when no function of a twin should have the role."""
        try:
            return ({**_DOES, **_MOVES_FROM} if moves else _DOES)[self.role]
        except KeyError:
            sentence = f"the guides do not know what a function does by {self.role}: {self.address}"
            raise KeyError(sentence) from None

    @property
    def permission(self) -> facts.Permission:
        on = ", ".join(self.on)
        return facts.Permission(self.role, f"{on} ({self.where})" if on and self.where else on or self.where)


def grants(blocks: Blocks) -> tuple[Grant, ...]:
    """Every grant of a stack. KeyError when one is of a type, role or condition that is not known."""
    return tuple(_grant(block, blocks) for block in blocks.resources if "_iam_" in block.kind)


def _grant(block: Block, blocks: Blocks) -> Grant:
    if block.kind != _PROJECT_MEMBER and block.kind not in _ON:
        raise KeyError(f"{block.address} grants in a way that the guides do not know")
    role, member = block.body["role"], block.body["member"]
    if not role.startswith("roles/"):
        raise KeyError(f"{block.address} grants {role}, which is no predefined role")
    if block.kind == _PROJECT_MEMBER:
        on, where = _on_project(block, blocks)
        return Grant(block.address, role, member, on, where)
    argument, kinds = _ON[block.kind]
    known(block.body, (*_COMMON, "project", "location", argument), of=block)
    on = target(block.body[argument], *kinds, of=block, blocks=blocks)
    return Grant(block.address, role, member, (on.address,))


def _on_project(block: Block, blocks: Blocks) -> tuple[tuple[str, ...], str]:
    known(block.body, (*_COMMON, "project", "condition"), of=block)
    where = f"granted on the project {block.body['project']}"
    if condition := block.body.get("condition"):
        expression = condition["expression"]
        return (_database(expression, block, blocks),), f"{where}, if {expression}"
    kind = _WHOLE_PROJECT.get(block.body["role"], "")
    return tuple(each.address for each in blocks.of(kind)), where


def _database(expression: str, block: Block, blocks: Blocks) -> str:
    """The Firestore database that a condition narrows a role on the project to."""
    if match := _DATABASE.fullmatch(expression):
        for database in blocks.of(names.DATABASE):
            if match["project"] == block.body["project"] and match["name"] == database.body["name"]:
                return database.address
    raise KeyError(f"{block.address} has a condition that names no Firestore database: {expression}")
