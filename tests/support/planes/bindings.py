"""Schemas of provider types out of the CDKTF bindings that are installed.

A binding's package contains the JavaScript that CDKTF generated from the provider's schema. Its classes
state the type of every argument, whether it is a block, and which attributes cannot be set. They do not
state which arguments the provider computes when they are left out: those are in `kinds.toml`.
"""

import re
import tarfile
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path

from support.planes.schema import Attribute, Block

PACKAGES = {"azurerm": "cdktf_cdktf_provider_azurerm", "google": "cdktf_cdktf_provider_google"}
_ENTRY = re.compile(
    r'^ +(\w+): \{\n +value: (.*),\n +isBlock: (\w+),\n +type: "(\w+)",\n +storageClassType: "(\w+)",', re.M
)
_CLASS = re.compile(r"^class (\w+) extends ", re.M)
_STRUCT = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.M | re.S)
_COMPUTED = re.compile(
    r"// (\w+) - computed: true, optional: false, .*\n +(?:get \w+\(\) \{\n +return (?:cdktf\.Fn\.tolist\()?"
    r"this\.get(\w+)Attribute|this\._\w+ = new (?:cdktf\.)?(\w+)\()"
)
_TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "anyMap": ["map", "string"],
    "numberListList": ["list", ["list", "number"]],
    "stringListList": ["list", ["list", "string"]],
}
_READ = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"]}
_known: dict[str, Block] = {}


def schemas(provider: str, types: Collection[str]) -> dict[str, Block]:
    """The schemas of types of a provider; `data.…` for data sources, the provider's own name for its block.

    A type is read once per process; a read goes through the whole package, in about a second.
    """
    if missing := {_folder(provider, name): name for name in types if name not in _known}:
        package = find_spec(PACKAGES[provider])
        assert package and package.submodule_search_locations
        (archive,) = Path(package.submodule_search_locations[0]).glob("_jsii/*.tgz")
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                name = missing.pop(member.name.removeprefix("package/lib/").removesuffix("/index.js"), None)
                if name and (file := tar.extractfile(member)):
                    _known[name] = _read(file.read().decode())
                if not missing:
                    break
        assert not missing, f"the binding of {provider} lacks {sorted(missing.values())}"
    return {name: _known[name] for name in types}


def _folder(provider: str, name: str) -> str:
    if name == provider:
        return "provider"
    kind = f"data-{name.removeprefix('data.')}" if name.startswith("data.") else name.partition("_")[2]
    return kind.replace("_", "-")


def _read(source: str) -> Block:
    starts = [*_CLASS.finditer(source)]
    ends = [*(match.start() for match in starts[1:]), len(source)]
    classes = {match[1]: source[match.start() : end] for match, end in zip(starts, ends, strict=True)}
    structs = {match[1].lower(): match[2] for match in _STRUCT.finditer(source)}
    own = starts[-1][1]  # after the classes of its blocks
    block = _Module(classes, structs).block(
        classes[own].partition("synthesizeHclAttributes")[2], classes[own]
    )
    return block.computing({"id"})


class _Module:
    def __init__(self, classes: Mapping[str, str], structs: Mapping[str, str]) -> None:
        self._classes, self._structs = {name.lower(): text for name, text in classes.items()}, structs

    def block(self, arguments: str, class_: str) -> Block:
        """What the arguments and the class say; computed attributes are in the class alone."""
        resettable = {name.lower() for name in re.findall(r" reset(\w+)\(\) \{", class_)}
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, tuple[str, Block]] = {}
        for name, value, is_block, nesting, storage in _ENTRY.findall(arguments):
            if is_block == "true":
                inner = re.findall(r"(\w+)ToHclTerraform", value)[-1].lower()
                blocks[name] = nesting, self.struct(inner)
            else:
                type_ = ["set", "string"] if nesting == "set" else _TYPES[storage]
                # A provider's own blocks come without classes, and so without what may be left out.
                optional = not class_ or name.replace("_", "") in resettable
                attributes[name] = Attribute(type_, required=not optional, optional=optional)
        for name, getter, made in _COMPUTED.findall(class_):
            attributes[name] = Attribute(_READ.get(getter) or self._made(made), computed=True)
        return Block(attributes, blocks)

    def struct(self, name: str) -> Block:
        return self.block(self._structs.get(name, ""), self._classes.get(f"{name}outputreference", ""))

    def _made(self, class_: str) -> object:
        if class_.endswith("Map"):
            return ["map", "bool" if class_ == "BooleanMap" else "string"]
        return ["list", self.struct(class_.removesuffix("List").lower()).type]
