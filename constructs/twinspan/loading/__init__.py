"""Loads CDKTF and the provider bindings without what a twin does not use.

Two loaders act in every process; both must act before the first import of a binding:

* Python: a binding's root package imports about 2,000 submodules. An unexecuted module object in its place
  has the same `__path__`, so the submodules import by name and nothing else is read.
* Node: the kernel loads each binding's `lib/index.js`, which requires as many files. A preload turns those
  lines into getters, and runs the kernel without the process that would stand before it. It is passed in
  NODE_OPTIONS, which Node reads when it starts.

Without them a three-cloud synth takes tens of seconds and 2.7 GB, with the same result. A process that
synthesizes and ends also calls `quick`.
"""

import importlib.util
import os
import sys
from pathlib import Path

BINDINGS = {
    "aws": "cdktf_cdktf_provider_aws",
    "azure": "cdktf_cdktf_provider_azurerm",
    "gcp": "cdktf_cdktf_provider_google",
}
"""The binding's package for each cloud."""
_PRELOAD = Path(__file__).with_name("kernel.js")


def as_usual() -> bool:
    """Whether TWINSPAN_NORMAL_IMPORTS=1 asks to leave all of this out, to compare with."""
    return os.environ.get("TWINSPAN_NORMAL_IMPORTS") == "1"


def load_lazily() -> None:
    """Put both loaders in place."""
    if as_usual():
        return
    for binding in BINDINGS.values():
        _lazy_package(binding)
    _node_environment()


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
    # The first process of jsii gives the second --preserve-symlinks; here there is one.
    wanted = f'--preserve-symlinks --require "{_PRELOAD.as_posix()}"'
    if wanted not in options:
        os.environ["NODE_OPTIONS"] = f"{options} {wanted}".strip()
    # Node 20 is supported here, and jsii would print an eleven-line banner about its end of life.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
