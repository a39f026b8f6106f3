"""`python main.py` as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.cdktf_command import cdktf
from support.twinspan_command import environment as clean_environment
from support.twinspan_command import twinspan
from twinspan.config import PLACEHOLDERS
from twinspan.twinfile import checked

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
FROM_ANY_FOLDER = {"three-clouds", "cycle-feedback"}
"""All constructs, and files of the user's own."""


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


def own_twin(path: Path) -> Path:
    """A small twin in an account that somebody may have."""
    example = (ROOT / "examples" / "single-aws.yaml").read_text(encoding="utf-8")
    path.write_text(example.replace("000000000000", "123456789012"), encoding="utf-8")
    return path


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
        "telemetry   remote  connector (AWS) → ingestion (Azure)",
        "write       remote  persister (Azure) → writer (Google Cloud)",
        "feedback    remote  event_checker (Azure) → event_feedback (AWS)  [with events]",
        "hot_reader   Google Cloud  outputs telemetry_api_url, telemetry_api_key",
        "twin_reader  Azure         outputs graph_api_url, graph_api_key",
        "enable_events is true",
        "cdktf.out/stacks/<stack>/cdk.tf.json",
        "first replace clouds.aws.account_id, clouds.azure.subscription_id, clouds.gcp.project by your own",
    ):
        assert words in done.stdout


def test_no_example_can_be_applied() -> None:
    """AWS gives nobody the account 0, and Google no project with its own name in it."""
    for example in EXAMPLES:
        config = checked(example)
        for cloud in config.layers.clouds:
            field, value = PLACEHOLDERS[cloud]
            assert getattr(getattr(config.clouds, cloud), field) == value, example.name


def test_local_states_are_for_this_user_alone(tmp_path: Path) -> None:
    """For `cdktf deploy` too: Terraform keeps the mode of an empty file that is there before."""
    assert run(cwd=tmp_path, environment={"TWIN": str(own_twin(tmp_path / "mine.yaml"))}).returncode == 0
    states = sorted(tmp_path.glob("*.tfstate*"))
    assert [path.name for path in states] == [
        "terraform.pumps.aws.tfstate",
        "terraform.pumps.aws.tfstate.backup",
    ]
    assert {path.stat().st_mode & 0o777 for path in states} == {0o600}


@pytest.mark.matrix
def test_stacks_of_another_twin_are_not_taken_for_this_one(tmp_path: Path) -> None:
    """`cdktf deploy` and `destroy` run the app again, in a shell where TWIN may not be set."""
    mine = own_twin(tmp_path / "mine.yaml")
    assert run(cwd=tmp_path, environment={"TWIN": "mine.yaml"}).returncode == 0
    before = (tmp_path / "cdktf.out/stacks/aws/cdk.tf.json").read_bytes()
    own_twin(tmp_path / "twin.yaml")
    for done in (run(cwd=tmp_path), twinspan("synth", cwd=tmp_path)):
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "cdktf.out contains the stacks of mine.yaml, but neither TWIN nor --twin names a file, which "
            "selects twin.yaml. Set TWIN=mine.yaml or pass --twin mine.yaml to keep that twin; name "
            "twin.yaml in the same way to replace it.\n"
        )
    assert (tmp_path / "cdktf.out/stacks/aws/cdk.tf.json").read_bytes() == before
    assert twinspan("check", cwd=tmp_path).returncode == 0
    assert twinspan("synth", "--twin", "twin.yaml", cwd=tmp_path).returncode == 0
    assert run(cwd=tmp_path).returncode == 0  # and from here on without TWIN
    mine.unlink()


@pytest.mark.matrix
def test_what_was_made_of_the_example_or_of_a_file_that_is_gone_is_written_over(tmp_path: Path) -> None:
    assert run(cwd=tmp_path).returncode == 0
    twin = own_twin(tmp_path / "twin.yaml")
    assert run(cwd=tmp_path).returncode == 0
    twin.rename(tmp_path / "renamed.yaml")
    assert run(cwd=tmp_path).returncode == 0


def test_summary_counts_what_is_in_the_files(tmp_path: Path) -> None:
    done = run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "single-aws.yaml")})
    stack = json.loads((tmp_path / "cdktf.out/stacks/aws/cdk.tf.json").read_text(encoding="utf-8"))
    blocks = [block for kind in stack["resource"].values() for block in kind.values()]
    optional = [
        block for block in blocks if "enable_events" in f"{block.get('count')}{block.get('for_each')}"
    ]
    assert f"{len(blocks) - len(optional)} resources + {len(optional)} with events" in done.stdout


@pytest.mark.matrix
def test_own_file_comes_before_the_example(tmp_path: Path) -> None:
    own = (ROOT / "examples" / "cycle.yaml").read_text(encoding="utf-8").replace("greenhouse", "mine")
    (tmp_path / "twin.yaml").write_text(own, encoding="utf-8")
    assert "Twin mine:" in run(cwd=tmp_path).stdout


def test_mistakes_exit_2_with_a_sentence_each_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "twin.yaml").write_text(
        "twin: Factory\nlayers: {acquisition: aws, processing: azur, hot_storage: aws}\n"
        "clouds: {aws: {region: eu-central-1, account_id: '123456789012'}}\ndevice_types: {}\n",
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


def test_an_argument_is_one_sentence(tmp_path: Path) -> None:
    done = run("deploy", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "main.py takes no arguments, got 'deploy': see main.py --help, or run twinspan.\n"


@pytest.mark.parametrize("arguments", [("--help",), ("summary", "-h")])
def test_help(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python main.py\n")


def test_the_app_loads_nothing_of_the_command_line() -> None:
    """What `cdktf synth` waits for."""
    code = (
        "import sys, stacks.cli, stacks.commands, stacks.summary, twinspan.config, twinspan.twinfile\n"
        "print(sorted({'click', 'rich', 'command', 'cdktf', 'jsii'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.matrix
def test_a_stack_that_is_no_longer_in_use_goes_away(tmp_path: Path) -> None:
    stacks = tmp_path / "cdktf.out" / "stacks"
    run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "three-clouds.yaml")})
    kept = stacks / "aws" / ".terraform.lock.hcl"
    kept.write_text("", encoding="utf-8")
    run(cwd=tmp_path, environment={"TWIN": str(ROOT / "examples" / "single-aws.yaml")})
    assert [path.parent.name for path in stacks.rglob("cdk.tf.json")] == ["aws"]
    assert len(list(stacks.rglob("*.zip"))) == 1
    assert kept.exists()


def test_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    example = str(ROOT / "examples" / "single-aws.yaml")
    done = run(cwd=tmp_path, environment={"TWIN": example, "CDKTF_OUTDIR": "a/b/c"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a/b/c/stacks/aws/cdk.tf.json").exists()


@pytest.mark.servers
def test_cdktf_synth_goes_from_one_twin_to_another(tmp_path: Path) -> None:
    """As `make synth` runs it, in a folder where another twin was synthesized before."""
    for example in ("three-clouds", "cycle", "single-gcp"):
        cdktf("synth", folder=tmp_path, twin=ROOT / "examples" / f"{example}.yaml")


@pytest.mark.matrix
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, marks=() if path.stem in FROM_ANY_FOLDER else pytest.mark.slow, id=path.stem)
        for path in EXAMPLES
    ],
)
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
