"""What the README shows is what there is."""

import re
from pathlib import Path

import pytest
import yaml

from stacks import build as synthesis
from stacks import summary
from support.layouts import config_of
from support.synth import stacks_of
from twinspan import twinfile
from twinspan.twinfile import checked

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_the_summary_is_the_example_s(tmp_path: Path) -> None:
    path = ROOT / "examples" / "three-clouds.yaml"
    config = checked(path)
    synthesis.synthesize(config, tmp_path)
    found = summary.text(summary.document(config, path, tmp_path))
    shown = next(text for _, text in BLOCKS if text.startswith("Twin factory:"))
    assert shown.strip() == found.replace(str(tmp_path), "cdktf.out")


def test_the_twin_yamls_are_right() -> None:
    small, whole = (config_of(yaml.safe_load(text)) for language, text in BLOCKS if language == "yaml")
    assert not [*twinfile.name_problems(small), *twinfile.name_problems(whole)]
    assert whole.alerts is not None


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z-]+)", README))))
def test_make_has_what_it_names(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_variables_it_names_exist() -> None:
    examples = ("single-azure", "single-aws")
    stacks = [
        stack
        for name in examples
        for stack in stacks_of(checked(ROOT / "examples" / f"{name}.yaml")).values()
    ]
    known = set().union(*(stack["variable"] for stack in stacks))
    assert set(re.findall(r"TF_VAR_(\w+)", README)) <= known
