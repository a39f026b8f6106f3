"""Rules that keep the code where it belongs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "constructs" / "twinspan"
RUNTIME = ROOT / "function_src" / "twin_runtime"
CLOUDS = ("aws", "azure", "gcp")
PURE = (
    "config",
    "dashboards",
    "datasource.py",
    "topology.py",
    "naming.py",
    "packaging.py",
    "prices",
    "vocabulary.py",
    "twin.py",
    "sizing.py",
    "workflows.py",
    "lifecycle.py",
)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def python_files(*roots: Path) -> list[Path]:
    files = [root if root.is_file() else root.rglob("*.py") for root in roots]
    return sorted(path for entry in files for path in ([entry] if isinstance(entry, Path) else entry))


def test_constructs_is_a_source_root_and_no_package() -> None:
    """An __init__.py there would hide PyPI's package `constructs`, and CDKTF with it."""
    assert not (ROOT / "constructs" / "__init__.py").exists()


def test_only_providers_imports_cdktf() -> None:
    elsewhere = [
        path.relative_to(ROOT)
        for path in python_files(ROOT / "main.py", ROOT / "stacks", LIBRARY)
        if LIBRARY / "providers" not in path.parents
        and any(name.split(".")[0].startswith(("cdktf", "constructs", "jsii")) for name in imports(path))
    ]
    assert not elsewhere


@pytest.mark.parametrize("name", PURE)
def test_configuration_and_topology_need_no_cdktf(name: str) -> None:
    for path in python_files(LIBRARY / name):
        assert not any(name.startswith("twinspan.providers") for name in imports(path)), path


def test_each_cloud_has_the_same_files_and_classes() -> None:
    def classes(cloud: str) -> dict[str, set[str]]:
        return {
            path.name: {
                node.name
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            }
            for path in (LIBRARY / cloud).glob("*.py")
        }

    shapes = {cloud: classes(cloud) for cloud in CLOUDS}
    shared = set.intersection(*(set(shape) for shape in shapes.values()))
    expected = {"foundation.py", "queues.py", "functions.py", "receivers.py", "secrets.py", "acquisition.py"}
    assert (
        expected
        | {"hot_storage.py", "events.py", "kit.py", "names.py", "links.py", "definition.py"}
        | {"cold_storage.py", "archive_storage.py", "tiers.py", "schedules.py"}
        <= shared
    )
    for name in shared - {"definition.py"}:  # a workflow language each: what is alike there is its functions
        public = {cloud: shapes[cloud][name] for cloud in CLOUDS}
        assert len({frozenset(found) for found in public.values()}) == 1, f"{name}: {public}"


def test_same_class_takes_the_same_keyword_arguments() -> None:
    def signatures(cloud: str) -> dict[str, list[str]]:
        return {
            f"{path.name}:{node.name}": [a.arg for a in (*item.args.args, *item.args.kwonlyargs)]
            for path in (LIBRARY / cloud).glob("*.py")
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name == "__init__"
        }

    first, *others = (signatures(cloud) for cloud in CLOUDS)
    for other in others:
        for name in first.keys() & other.keys():
            assert first[name] == other[name], name


def test_runtime_is_standard_library_only() -> None:
    import sys

    for path in python_files(RUNTIME):
        foreign = {name for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {name for name in foreign if name.startswith("twin_runtime")}, path


def test_each_cloud_has_an_entry_point_per_role_that_it_has() -> None:
    from twin_runtime.roles import ROLES, Cloud, Role

    roles = {role.value for role in Role}
    for cloud in Cloud:
        present = {path.stem for path in (ROOT / "function_src" / f"twin_{cloud}").glob("*.py")}
        absent = {role.value for role in Role if cloud in ROLES[role].absent}
        assert roles & present == roles - absent, cloud


def test_only_settings_reads_the_environment() -> None:
    for path in python_files(ROOT / "function_src"):
        if path.name in ("settings.py", "main.py", "function_app.py"):
            continue
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text, path
        assert "getenv" not in text, path
