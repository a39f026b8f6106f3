"""Rules that keep the code where it belongs."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

from twin_runtime.roles import Cloud

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "constructs" / "twinspan"
RUNTIME = ROOT / "function_src" / "twin_runtime"
PROGRAM = (
    *(
        "benchmarks",
        "constructs",
        "function_src",
        "guides",
        "local_cloud",
        "operations",
        "simulator",
        "stacks",
    ),
    "tests/support",
)


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


def kits() -> dict[Cloud, dict[str, tuple[str, str]]]:
    """What each cloud's kit.py gives to `Kit`: module and class, by the name of the field."""
    return {cloud: _kit(cloud) for cloud in Cloud if (LIBRARY / cloud / "kit.py").exists()}


def _kit(cloud: Cloud) -> dict[str, tuple[str, str]]:
    tree = ast.parse((LIBRARY / cloud / "kit.py").read_text(encoding="utf-8"))
    prefix = f"twinspan.{cloud}."
    modules = {
        alias.name: node.module.removeprefix(prefix)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(prefix)
        for alias in node.names
    }
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Kit"
    )
    return {
        each.arg: (modules[each.value.id], each.value.id)
        for each in call.keywords
        if each.arg and isinstance(each.value, ast.Name) and each.value.id in modules
    }


def test_each_cloud_s_kit_has_every_construct() -> None:
    """A field of `Kit` is a class of the same file and name in each cloud."""
    from twinspan.kit import Kit

    fields = Kit.__dataclass_fields__.keys() - {"cloud", "twin", "foundation"}
    found = kits()
    for cloud, made in found.items():
        lacking = sorted(fields - made.keys())
        assert not lacking, f"constructs/twinspan/{cloud}/kit.py: Kit(…) lacks {', '.join(lacking)}"
    for field in sorted(fields):
        classes = {str(cloud): made[field] for cloud, made in found.items()}
        assert len(set(classes.values())) == 1, f"kit.py: {field} is another file or class: {classes}"


def test_what_lists_three_clouds_lists_all() -> None:
    """A table, or a list, of clouds in the code; and a file that each of them has."""
    lacking = [*_short_tables(), *_missing_files()]
    assert not lacking, "every cloud needs its row or file:\n" + "\n".join(lacking)


def _short_tables() -> Iterator[str]:
    def cloud(item: ast.expr | None) -> str | None:
        if isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name) and item.value.id == "Cloud":
            return item.attr.lower()
        return str(item.value) if isinstance(item, ast.Constant) else None

    for path in _files(".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                items: list[ast.expr | None] = node.keys
            elif isinstance(node, ast.Tuple | ast.List | ast.Set):
                items = [*node.elts]
            else:
                continue
            listed = {cloud(item) for item in items} & set(Cloud)
            if len(listed) > 2 and (rows := sorted(set(Cloud) - listed)):
                yield f"{path.relative_to(ROOT)}:{node.lineno} lacks {', '.join(rows)}"


def _missing_files() -> Iterator[str]:
    """A file that three clouds have at one place: `<cloud>` stands in a folder's name or the file's stem."""
    having: dict[str, set[Cloud]] = {}
    for path in _files(""):
        parts = path.relative_to(ROOT).parts
        for number, part in enumerate(parts):
            for cloud in Cloud:
                if part.split(".")[0].removeprefix("twin_") == cloud:
                    place = "/".join((*parts[:number], part.replace(cloud, "<cloud>"), *parts[number + 1 :]))
                    having.setdefault(place, set()).add(cloud)
    for place, clouds in sorted(having.items()):
        if len(clouds) > 2:
            for cloud in sorted(set(Cloud) - clouds):
                yield f"{place.replace('<cloud>', cloud)} is missing"


def _files(suffix: str) -> Iterator[Path]:
    for folder in PROGRAM:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts):
                yield path


def test_each_cloud_has_the_same_files_and_classes() -> None:
    def classes(cloud: Cloud) -> dict[str, set[str]]:
        return {
            path.relative_to(LIBRARY / cloud).as_posix(): {
                node.name
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            }
            for path in (LIBRARY / cloud).rglob("*.py")
        }

    shapes = {cloud: classes(cloud) for cloud in Cloud}
    expected = {f"{module.replace('.', '/')}.py" for made in kits().values() for module, _ in made.values()}
    expected |= {"foundation.py", "kit.py", "names.py", "links.py", "events/definition.py"}
    for cloud, shape in shapes.items():
        lacking = sorted(expected - shape.keys())
        assert not lacking, f"constructs/twinspan/{cloud}/ lacks {', '.join(lacking)}"
    shared = set.intersection(*(set(shape) for shape in shapes.values()))
    # A workflow language each, and what each records for its guide.
    for name in shared - {"events/definition.py", "facts.py"}:
        public = {str(cloud): shapes[cloud][name] for cloud in Cloud}
        assert len({frozenset(found) for found in public.values()}) == 1, f"{name}: {public}"


def test_runtime_is_standard_library_only() -> None:
    for path in RUNTIME.rglob("*.py"):
        foreign = {name for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {name for name in foreign if name.startswith("twin_runtime")}, path


def test_each_role_has_a_record_and_a_module() -> None:
    """A role is a member of `Role`, a record in `ROLES` and a file that assembles it."""
    from twin_runtime.roles import ROLES, Role

    lacking = [role.value for role in Role if role not in ROLES]
    assert not lacking, f"function_src/twin_runtime/roles.py: ROLES lacks a record of {lacking}"
    files = {path.stem for path in (RUNTIME / "functions").glob("*.py")} - {"__init__"}
    lacking, foreign = [role.value for role in Role if role not in files], sorted(files - set(Role))
    assert not lacking, f"function_src/twin_runtime/functions/ lacks a file of {lacking}"
    assert not foreign, f"function_src/twin_runtime/functions/ has files of no role: {foreign}"


def test_each_role_of_google_cloud_has_a_short_name() -> None:
    from twin_runtime.roles import Cloud, roles_of
    from twinspan.gcp.names import _ACCOUNTS

    lacking = [role.value for role in roles_of(Cloud.GCP) if role not in _ACCOUNTS]
    assert not lacking, (
        f"constructs/twinspan/gcp/names.py: _ACCOUNTS lacks {lacking}, of 9 characters at most"
    )
    assert max(len(name) for name in _ACCOUNTS.values()) <= 9, "constructs/twinspan/gcp/names.py: _ACCOUNTS"
    assert len(set(_ACCOUNTS.values())) == len(_ACCOUNTS), "constructs/twinspan/gcp/names.py: _ACCOUNTS"


def test_each_role_is_drawn() -> None:
    from guides.dataflow import everything
    from twin_runtime.roles import Role

    drawn = {node.role for node in everything().nodes}
    lacking = [role.value for role in Role if role not in drawn]
    assert not lacking, (
        f"{lacking} is in no twin, or not drawn: constructs/twinspan/topology.py, Topology.links or roles; "
        "guides/dataflow/__init__.py, _nodes()"
    )


def test_each_type_of_values_has_a_record() -> None:
    from twin_runtime.values import TYPES, ValueType

    lacking = [kind.value for kind in ValueType if kind not in TYPES]
    assert not lacking, f"function_src/twin_runtime/values.py: TYPES lacks a record of {lacking}"


def test_each_type_of_values_is_simulated_and_known_to_the_stand_ins() -> None:
    from local_cloud.aws.workspace import _VALUES
    from local_cloud.azure.digital_twins.schemas import SCHEMAS
    from twin_runtime.values import TYPES, ValueType

    for kind in ValueType:
        spec, where = TYPES[kind], f"function_src/twin_runtime/values.py: {kind}"
        assert spec.ordered or spec.examples, f"{where} has neither order nor examples: what to simulate?"
        assert _VALUES.get(spec.twinmaker) == spec.field, (
            f"local_cloud/aws/workspace.py: _VALUES lacks {spec.twinmaker}"
        )
        assert spec.dtdl in SCHEMAS, (
            f"local_cloud/azure/digital_twins/schemas.py: SCHEMAS lacks {spec.dtdl!r}"
        )
        for value in spec.examples or (1,):
            kept = kind.keep(value)
            assert kept is not None, f"{where} does not keep its own example {value!r}"
            assert SCHEMAS[spec.dtdl](kept), (
                f"local_cloud/azure/digital_twins/schemas.py: {spec.dtdl!r} refuses {kept!r}, a {kind}"
            )


def test_only_settings_reads_the_environment() -> None:
    for path in (ROOT / "function_src").rglob("*.py"):
        if path.name in ("settings.py", "main.py", "function_app.py"):
            continue
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text, path
        assert "getenv" not in text, path
