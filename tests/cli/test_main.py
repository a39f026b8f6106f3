"""`python main.py` as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def run(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("TWIN", "CDKTF_OUTDIR")}
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        cwd=cwd,
        env={**clean, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_file_it_takes_the_example(tmp_path: Path) -> None:
    done = run(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "cdktf.out" / "stacks").iterdir()) == [
        "aws",
        "azure",
        "gcp",
        "links",
    ]
    for words in (
        "Twin factory: 3 devices of 2 types",
        "telemetry  remote  connector (AWS) → ingestion (Azure)",
        "write      remote  persister (Azure) → writer (Google Cloud)",
        "feedback   remote  event_checker (Azure) → event_feedback (AWS)  [with events]",
        "read       remote  API client → hot_reader (Google Cloud)",
        "enable_events is true",
        "cdktf.out/stacks/<stack>/cdk.tf.json",
    ):
        assert words in done.stdout


def test_summary_counts_what_is_in_the_files(tmp_path: Path) -> None:
    done = run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "single-aws.yaml")})
    stack = json.loads((tmp_path / "cdktf.out/stacks/aws/cdk.tf.json").read_text(encoding="utf-8"))
    blocks = [block for kind in stack["resource"].values() for block in kind.values()]
    optional = [block for block in blocks if "count" in block]
    assert f"{len(blocks) - len(optional)} resources + {len(optional)} with events" in done.stdout


def test_own_file_comes_before_the_example(tmp_path: Path) -> None:
    own = (ROOT / "examples" / "cycle.yaml").read_text(encoding="utf-8").replace("greenhouse", "mine")
    (tmp_path / "twin.yaml").write_text(own, encoding="utf-8")
    assert "Twin mine:" in run(cwd=tmp_path).stdout


def test_mistakes_exit_2_with_a_sentence_each_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "twin.yaml").write_text(
        "twin: Factory\nlayers: {acquisition: aws, processing: azur, hot_storage: aws}\n"
        "clouds: {aws: {region: eu-central-1}}\ndevice_types: {}\n",
        encoding="utf-8",
    )
    done = run(cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "layers.processing" in done.stderr
    assert "line 1, twin" in done.stderr
    assert not (tmp_path / "cdktf.out").exists()


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    done = run(cwd=tmp_path, environment={"TWIN": "nowhere.yaml"})
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_command_is_one_sentence(tmp_path: Path) -> None:
    done = run("deploy", cwd=tmp_path)
    assert done.returncode == 2
    assert "synth, check, summary" in done.stderr


def test_check_reads_only(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_stack_that_is_no_longer_in_use_goes_away(tmp_path: Path) -> None:
    run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "three-clouds.yaml")})
    kept = tmp_path / "cdktf.out" / "stacks" / "aws" / ".terraform.lock.hcl"
    kept.write_text("", encoding="utf-8")
    run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "single-aws.yaml")})
    assert [path.name for path in (tmp_path / "cdktf.out" / "stacks").iterdir()] == ["aws"]
    assert kept.exists()
    packages = list((tmp_path / "cdktf.out" / "stacks" / "aws" / "assets").rglob("*.zip"))
    assert len(packages) == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_output_is_the_same_from_any_folder(example: Path, tmp_path: Path) -> None:
    """No path of a machine and no order of a dictionary is in what is reviewed."""
    texts = []
    for name, seed in (("one", "1"), ("other/place", "2")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        done = run(cwd=folder, environment={"TWIN": str(example), "PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        files = sorted((folder / "cdktf.out" / "stacks").rglob("cdk.tf.json"))
        texts.append([path.read_text(encoding="utf-8") for path in files])
    assert texts[0] == texts[1]
    assert not any(str(tmp_path) in text or str(ROOT) in text for text in texts[0])
