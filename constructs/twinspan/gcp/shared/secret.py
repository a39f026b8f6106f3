"""What every secret of a twin is: in Secret Manager, replicated in the twin's region alone, encrypted by
Google.
"""

from twinspan import contracts
from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct, TerraformResourceLifecycle
from twinspan.providers.gcp import (
    SecretManagerSecret,
    SecretManagerSecretIamMember,
    SecretManagerSecretReplication,
    SecretManagerSecretReplicationUserManaged,
    SecretManagerSecretReplicationUserManagedReplicas,
    SecretManagerSecretVersion,
)
from twinspan.terraform.resources import Ref, place

READ = "roles/secretmanager.secretAccessor"


UNDO_DAYS = 7
"""How long a version of a protected secret can be brought back after its destruction."""


class Secret(Construct):
    """A secret without a version. `protect`: Terraform refuses to delete it, even when its block is gone, and
    a version that is destroyed can be enabled again for UNDO_DAYS.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        name: str,
        key: str,
        labels: dict[str, str],
        optional: bool = False,
        protect: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self.optional = optional
        self._foundation, self._key = foundation, key
        replicas = [SecretManagerSecretReplicationUserManagedReplicas(location=foundation.region)]
        secret = SecretManagerSecret(
            self,
            "secret",
            secret_id=name,
            replication=SecretManagerSecretReplication(
                user_managed=SecretManagerSecretReplicationUserManaged(replicas=replicas)
            ),
            labels=labels,
            deletion_protection=protect or None,
            version_destroy_ttl=f"{UNDO_DAYS * 86_400}s" if protect else None,
            depends_on=foundation.ready,
        )
        placed = place(secret, key, optional=optional, protect=protect)
        self.ref: Ref = foundation.inventory.part(placed, name)
        self.address = foundation.path("secrets", self.ref, "secret_id")

    def grant_read(self, function: contracts.Function) -> None:
        reader = SecretManagerSecretIamMember(
            self,
            f"read-{function.role}",
            secret_id=self.ref["secret_id"],
            role=READ,
            member=self._foundation.member(function),
        )
        placed = place(reader, f"{self._key}_{function.role}", optional=self.optional or function.optional)
        self._foundation.inventory.grant(placed, to=function.role, may=READ, on=self.ref)

    def write(self, text: str) -> None:
        """Give the secret a version made by this stack. `text` is an expression."""
        # A new version first: readers would otherwise find none for a moment.
        version = SecretManagerSecretVersion(
            self,
            "version",
            secret=self.ref["id"],
            secret_data=text,
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        place(version, self._key, optional=self.optional)
