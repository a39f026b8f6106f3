"""Where Terraform keeps its state, one model per kind of backend.

Every stack has its own state: `{twin}` and `{stack}` in a key, path, prefix or workspace
name are replaced by their names.
Secrets are not accepted here, because the Terraform would contain them in plain text. Each backend reads its
secrets from the environment.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from twinspan.config.base import TAG, Entry
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

# Argument -> the environment variable that the backend reads instead.
SECRETS = {
    "s3": {
        "access_key": "AWS_ACCESS_KEY_ID",
        "secret_key": "AWS_SECRET_ACCESS_KEY",
        "token": "AWS_SESSION_TOKEN",
        "sse_customer_key": "AWS_SSE_CUSTOMER_KEY",
    },
    "azurerm": {
        "access_key": "ARM_ACCESS_KEY",
        "sas_token": "ARM_SAS_TOKEN",
        "client_secret": "ARM_CLIENT_SECRET",
        "client_certificate_password": "ARM_CLIENT_CERTIFICATE_PASSWORD",
        "oidc_token": "ARM_OIDC_TOKEN",
    },
    "gcs": {
        "credentials": "GOOGLE_CREDENTIALS",
        "access_token": "GOOGLE_OAUTH_ACCESS_TOKEN",
        "encryption_key": "GOOGLE_ENCRYPTION_KEY",
    },
    "remote": {"token": "TF_TOKEN_app_terraform_io"},
    "local": {},
}


def _plain(value: str) -> str:
    """Terraform evaluates these strings in `links`, and takes no escapes in a backend block."""
    if found := re.search(r"[$%]\{", value):
        fix = value.replace("${stack}", "{stack}").replace("${twin}", "{twin}")
        plain = not re.search(r"[$%]\{", fix)
        raise Refusal(
            f"{shown(value)} contains {found[0]!r}, which starts a Terraform expression; "
            + (f"write {fix}" if plain else "write the value itself")
        )
    if not value.isprintable():
        raise Refusal(f"{shown(value)} contains an unprintable character; remove it")
    return value


def _per_stack(value: str) -> str:
    if "{stack}" not in value:
        raise Refusal(
            f"{shown(value)} would store the state of every stack in one place; add {{stack}} to it"
        )
    if "{twin}" not in value:
        raise Refusal(f"{shown(value)} would store the states of two twins in one place; add {{twin}} to it")
    return value


def _not_empty(value: str) -> str:
    if not value.strip():
        raise Refusal("is empty; give it a value or leave the line out")
    return value


Text = Annotated[str, AfterValidator(_not_empty), AfterValidator(_plain)]
PerStack = Annotated[str, AfterValidator(_per_stack), AfterValidator(_plain)]


class Backend(Entry):
    """The fields and methods that all kinds of backends share."""

    type: Any

    def arguments(self, *, twin: str, stack: str) -> dict[str, Any]:
        """The backend's own arguments for one stack's state, by Terraform's names, without what is unset."""
        given = self.model_dump(exclude={"type"}, exclude_none=True)
        return _filled(given, twin=twin, stack=stack)


def _filled(value: Any, *, twin: str, stack: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, twin=twin, stack=stack) for name, item in value.items()}
    return value.replace("{twin}", twin).replace("{stack}", stack) if isinstance(value, str) else value


class LocalBackend(Backend):
    """A file on this machine, by default in the project's folder."""

    type: Literal["local"] = Field(description="State in a file on this machine.")
    path: PerStack | None = Field(
        default=None,
        description="Path of the state file, with {twin} and {stack}.",
        examples=["/var/twinspan/{twin}.{stack}.tfstate"],
    )

    def arguments(self, *, twin: str, stack: str) -> dict[str, Any]:
        # Terraform runs in cdktf.out/stacks/<stack>. An absolute path would differ between machines, and one
        # without the way up would hide each stack's state from the others.
        path = self.path or "../../../terraform.{twin}.{stack}.tfstate"
        return _filled({"path": path}, twin=twin, stack=stack)


class S3Backend(Backend):
    """An S3 bucket."""

    type: Literal["s3"] = Field(description="State in an S3 bucket.")
    bucket: Text = Field(description="Name of the bucket.", examples=["my-terraform-state"])
    region: Text = Field(description="Region of the bucket.", examples=["eu-central-1"])
    key: PerStack = Field(
        default="{twin}/{stack}.tfstate", description="Key of the state, with {twin} and {stack}."
    )
    encrypt: bool = Field(default=True, description="Encrypt the state at rest.")
    use_lockfile: bool = Field(
        default=True, description="Lock by a file beside the state (Terraform 1.10 or newer)."
    )
    dynamodb_table: Text | None = Field(default=None, description="Lock by this DynamoDB table.")
    kms_key_id: Text | None = Field(default=None, description="KMS key for the state.")
    acl: Text | None = Field(default=None, description="Canned ACL of the state.")
    profile: Text | None = Field(default=None, description="Named profile of the AWS configuration.")
    workspace_key_prefix: Text | None = Field(
        default=None, description="Prefix for states of other workspaces."
    )


class AzurermBackend(Backend):
    """A container of an Azure storage account."""

    type: Literal["azurerm"] = Field(description="State in an Azure storage container.")
    storage_account_name: Text = Field(description="Name of the storage account.", examples=["mytfstate"])
    container_name: Text = Field(description="Name of the container.", examples=["tfstate"])
    key: PerStack = Field(
        default="{twin}/{stack}.tfstate", description="Name of the blob, with {twin} and {stack}."
    )
    resource_group_name: Text | None = Field(
        default=None, description="Resource group of the storage account."
    )
    subscription_id: Text | None = Field(default=None, description="Subscription of the storage account.")
    tenant_id: Text | None = Field(default=None, description="Tenant of the storage account.")
    client_id: Text | None = Field(default=None, description="Client id of the identity that Terraform uses.")
    environment: Text | None = Field(default=None, description="Azure environment, for example public.")
    use_azuread_auth: bool = Field(
        default=True, description="Sign in to the blob with Entra ID, not with an account key."
    )
    use_msi: bool | None = Field(default=None, description="Sign in with a managed identity.")
    use_oidc: bool | None = Field(default=None, description="Sign in with a federated identity.")
    snapshot: bool | None = Field(default=None, description="Snapshot the blob before each use.")


class GcsBackend(Backend):
    """A Google Cloud Storage bucket."""

    type: Literal["gcs"] = Field(description="State in a Google Cloud Storage bucket.")
    bucket: Text = Field(description="Name of the bucket.", examples=["my-terraform-state"])
    prefix: PerStack = Field(
        default="{twin}/{stack}", description="Folder of the state, with {twin} and {stack}."
    )
    impersonate_service_account: Text | None = Field(default=None, description="Service account to act as.")
    kms_encryption_key: Text | None = Field(default=None, description="KMS key for the state.")


class Workspaces(Entry):
    """Workspaces of the organization."""

    name: PerStack = Field(
        default="{twin}-{stack}", description="Name of a stack's workspace, with {twin} and {stack}."
    )


class RemoteBackend(Backend):
    """HCP Terraform or Terraform Enterprise."""

    type: Literal["remote"] = Field(description="State in HCP Terraform or Terraform Enterprise.")
    organization: Text = Field(description="Name of the organization.", examples=["my-organization"])
    hostname: Text | None = Field(default=None, description="Host, when it is not app.terraform.io.")
    workspaces: Workspaces = Field(default=Workspaces(), description="Names of the workspaces.")


KINDS = {
    "local": LocalBackend,
    "s3": S3Backend,
    "azurerm": AzurermBackend,
    "gcs": GcsBackend,
    "remote": RemoteBackend,
}


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return TAG + kind if isinstance(kind, str) else None


AnyBackend = Annotated[
    Annotated[LocalBackend, Tag(TAG + "local")]
    | Annotated[S3Backend, Tag(TAG + "s3")]
    | Annotated[AzurermBackend, Tag(TAG + "azurerm")]
    | Annotated[GcsBackend, Tag(TAG + "gcs")]
    | Annotated[RemoteBackend, Tag(TAG + "remote")],
    Discriminator(_kind),
]
