"""Rules that keep the code where it belongs."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "constructs" / "twinspan"
RUNTIME = ROOT / "function_src" / "twin_runtime"
CLOUDS = ("aws", "azure", "gcp")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_constructs_is_a_source_root_and_no_package() -> None:
    """An __init__.py there would hide PyPI's package `constructs`, and CDKTF with it."""
    assert not (ROOT / "constructs" / "__init__.py").exists()


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions and under TYPE_CHECKING count too. Raises CycleError with the circle."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    graph = grimp.build_graph(*project["tool"]["importlinter"]["root_packages"], cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imported).prepare()


def test_each_cloud_has_the_same_files_and_classes() -> None:
    def classes(cloud: str) -> dict[str, set[str]]:
        return {
            path.relative_to(LIBRARY / cloud).as_posix(): {
                node.name
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            }
            for path in (LIBRARY / cloud).rglob("*.py")
        }

    shapes = {cloud: classes(cloud) for cloud in CLOUDS}
    shared = set.intersection(*(set(shape) for shape in shapes.values()))
    expected = {"foundation.py", "queues.py", "functions.py", "receivers.py", "secrets.py", "acquisition.py"}
    assert (
        expected
        | {"hot_storage.py", "kit.py", "names.py", "links.py"}
        | {"tiers.py", "schedules.py", "events/workflow.py", "events/definition.py"}
        <= shared
    )
    # A workflow language each: what is alike there is its functions.
    # A workflow language each, and what each records for its guide.
    for name in shared - {"events/definition.py", "facts.py"}:
        public = {cloud: shapes[cloud][name] for cloud in CLOUDS}
        assert len({frozenset(found) for found in public.values()}) == 1, f"{name}: {public}"


def test_runtime_is_standard_library_only() -> None:
    for path in RUNTIME.rglob("*.py"):
        foreign = {name for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {name for name in foreign if name.startswith("twin_runtime")}, path


def test_each_role_has_a_record_and_a_module() -> None:
    """A role is a member of `Role`, a record in `ROLES` and a file that assembles it."""
    from twin_runtime.roles import ROLES, Role

    assert set(ROLES) == set(Role), "twin_runtime/roles.py: ROLES lacks a record"
    files = {path.stem for path in (RUNTIME / "functions").glob("*.py")} - {"__init__", "grafana_api"}
    assert files == set(Role), "twin_runtime/functions/ has one file per role"


def test_each_type_of_values_has_a_record() -> None:
    from twin_runtime.values import TYPES, ValueType

    assert set(TYPES) == set(ValueType), "twin_runtime/values.py: TYPES lacks a record"


def test_only_settings_reads_the_environment() -> None:
    for path in (ROOT / "function_src").rglob("*.py"):
        if path.name in ("settings.py", "main.py", "function_app.py"):
            continue
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text, path
        assert "getenv" not in text, path
