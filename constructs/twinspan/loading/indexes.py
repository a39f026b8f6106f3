"""`python -m twinspan.loading.indexes`: what an installation does once, so that no synth does it each time.

jsii unpacks a binding into a cache, and writes an index of its 100 MB of descriptions beside it in the
background. The kernel of a short run ends before the last one is written, and each later run reads all of the
descriptions again, which takes seconds and a gigabyte.
"""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from twinspan.loading import BINDINGS, load_lazily

MANIFEST = ".jsii.runtime.v1.json"  # jsii writes it last


def build() -> None:
    """Load every binding, and return when the kernel has written its indexes and ended."""
    load_lazily()
    for binding in BINDINGS.values():
        import_module(f"{binding}._jsii")
    from jsii import kernel

    # The kernel ends when its indexes are there (kernel.js). Left to itself, jsii waits five seconds.
    process = kernel.provider._process._process  # pyright: ignore[reportAttributeAccessIssue]
    process.stdin.write(b'{"exit":0}\n')
    process.stdin.close()
    process.wait()


def missing() -> list[str]:
    """The installed bindings that have no index."""
    return [name for name in BINDINGS.values() if not any(cache().glob(f"{_folder(name)}/*/{MANIFEST}"))]


def _folder(binding: str) -> str:
    return f"@cdktf/{binding.removeprefix('cdktf_cdktf_').replace('_', '-')}/{version(binding)}"


def cache() -> Path:
    """Where jsii unpacks packages: as its own code has it, but for Windows."""
    if given := os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/com.amazonaws.jsii/package-cache"
    return Path.home() / ".cache/aws/jsii/package-cache"


if __name__ == "__main__":
    build()
    if left := missing():
        print(
            f"jsii wrote no index for {', '.join(left)}, so each synth takes seconds longer. "
            f"See that {cache()} can be written to.",
            file=sys.stderr,
        )
