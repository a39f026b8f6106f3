"""The one place that imports CDKTF and the provider bindings, so that another fork or release is one folder's
change.

Two loaders make it quick; both must act before the first import of a binding, hence here:

* Python: a binding's root package imports about 2,000 submodules. An unexecuted module object in its place
has the
  same `__path__`, so the submodules import by name and nothing else is read.
* Node: the kernel loads each binding's `lib/index.js`, which requires as many files. A preload turns those
lines
  into getters. It is passed in NODE_OPTIONS, which the kernel reads when it starts.

Without them a three-cloud synth takes tens of seconds and 2.7 GB, with the same result.
"""

import importlib.util
import os
import sys
from pathlib import Path

BINDINGS = ("cdktf_cdktf_provider_aws", "cdktf_cdktf_provider_azurerm", "cdktf_cdktf_provider_google")
PRELOAD = Path(__file__).with_name("lazy_index.js")


def _lazy_package(name: str) -> None:
    """Put the package's module object into sys.modules without running its body."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(
            f"{name} is not installed: run `pip install -r requirements.txt`", name=name
        )
    sys.modules[name] = importlib.util.module_from_spec(spec)


def _node_environment() -> None:
    options = os.environ.get("NODE_OPTIONS", "")
    require = f'--require "{PRELOAD.as_posix()}"'
    if require not in options:
        os.environ["NODE_OPTIONS"] = f"{options} {require}".strip()
    # Node 20 is supported here, and jsii would print an eleven-line banner about its end of life.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")


if os.environ.get("TWINSPAN_NORMAL_IMPORTS") != "1":  # benchmarks/synth.py measures against the normal way
    for _binding in BINDINGS:
        _lazy_package(_binding)
    _node_environment()

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
