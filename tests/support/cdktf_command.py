"""The command line of CDKTF, as it is run in this repository, in another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.servers import missing
from support.twinspan_command import ROOT, environment

_CDKTF = ROOT / "node_modules" / ".bin" / "cdktf"


def cdktf(*arguments: str, folder: Path, twin: Path, given: Mapping[str, str] | None = None) -> str:
    """Run a command for a twin.yaml, without a terminal; return what it printed. It must succeed.

    Skips the test where CDKTF's command line is missing.
    """
    if not _CDKTF.exists():
        missing("the cdktf command line is not installed: run `npm ci`")
    shutil.copy(ROOT / "cdktf.json", folder)
    (folder / "main.py").write_text(
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"runpy.run_path({str(ROOT / 'main.py')!r}, run_name='__main__')",
        encoding="utf-8",
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(_CDKTF), *arguments],
        cwd=folder,
        env=environment(
            {"TWIN": str(twin), "PATH": path, "CHECKPOINT_DISABLE": "1", "CI": "1", **(given or {})}
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"cdktf {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout
