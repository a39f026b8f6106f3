"""The one place that imports CDKTF and the provider bindings, so that another fork or release is one folder's
change.
"""

from twinspan.loading import load_lazily

load_lazily()

from cdktf import (  # noqa: E402  (after the loaders, on purpose)
    App,
    AssetType,
    AzurermBackend,
    DataTerraformRemoteState,
    DataTerraformRemoteStateAzurerm,
    DataTerraformRemoteStateGcs,
    DataTerraformRemoteStateLocal,
    DataTerraformRemoteStateS3,
    GcsBackend,
    LocalBackend,
    NamedRemoteWorkspace,
    RemoteBackend,
    S3Backend,
    TerraformAsset,
    TerraformElement,
    TerraformOutput,
    TerraformProvider,
    TerraformResource,
    TerraformResourceLifecycle,
    TerraformStack,
    TerraformVariable,
    Testing,
)

from constructs import Construct  # noqa: E402

__all__ = [
    "App",
    "AssetType",
    "AzurermBackend",
    "Construct",
    "DataTerraformRemoteState",
    "DataTerraformRemoteStateAzurerm",
    "DataTerraformRemoteStateGcs",
    "DataTerraformRemoteStateLocal",
    "DataTerraformRemoteStateS3",
    "GcsBackend",
    "LocalBackend",
    "NamedRemoteWorkspace",
    "RemoteBackend",
    "S3Backend",
    "TerraformAsset",
    "TerraformElement",
    "TerraformOutput",
    "TerraformProvider",
    "TerraformResource",
    "TerraformResourceLifecycle",
    "TerraformStack",
    "TerraformVariable",
    "Testing",
]
