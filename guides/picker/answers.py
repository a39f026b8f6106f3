"""What the picker answers: facts of a twin by the choices of a reader, all of them from the topology."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise

from guides import sections, words
from guides.dataflow import Edge, Graph, graph
from guides.picker.decisions import Choices, Factor, Facts, Value
from twin_runtime.roles import Cloud, Layer
from twinspan.config import Config, archive_problem
from twinspan.topology import Link, Topology

NONE, ON, OFF = "none", "on", "off"
LOCAL, REMOTE, CLIENT = "local", "remote", "client"
GROUPS = {
    "function": 1,
    "holds": 2,
    "link_is": 2,
    "wired": 1,
    "endpoint": 1,
    "secret": 1,
    "shut": 2,
    "cost": 2,
    "alone": 3,
}
"""How many words of a fact's name are that of its group, by the first word."""
EVENTS, READ_API = "events", "read_api"
REQUIRED = (Layer.ACQUISITION, Layer.PROCESSING, Layer.HOT_STORAGE)
FACTORS = (
    *(Factor(layer.value, tuple(Cloud) if layer in REQUIRED else (*Cloud, NONE)) for layer in Layer),
    Factor(EVENTS, (ON, OFF)),
    Factor(READ_API, (ON, OFF)),
)


def choices_of(config: Config) -> Choices:
    """The choices that a twin.yaml makes."""
    return {
        **{layer.value: config.layers.cloud_of(layer) or NONE for layer in Layer},
        EVENTS: ON if config.events.enabled else OFF,
        READ_API: ON if config.read_api else OFF,
    }


def refusal(choices: Choices) -> str:
    """Why twin.yaml may not say so, in a sentence; empty when it may."""
    return _refusal(*(choices[layer.value] for layer in Layer))


@cache
def _refusal(*clouds: str) -> str:
    optional = {
        layer.value: cloud
        for layer, cloud in zip(Layer, clouds, strict=True)
        if cloud != NONE or layer in (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)
    }
    return archive_problem(optional) or ""


def shut(choices: Choices) -> Iterator[tuple[str, Value]]:
    """The choices that twin.yaml refuses beside those before them, whatever comes after."""
    settled = {
        factor.name: factor.choices[-1] if NONE in factor.choices else choices[factor.name]
        for factor in FACTORS
    }
    for factor in FACTORS:
        for choice in factor.choices:
            if refusal({**settled, factor.name: choice}):
                yield f"shut/{factor.name}/{choice}", 1
        settled[factor.name] = choices[factor.name]


def topology(choices: Choices) -> Topology:
    """The twin's topology."""
    found = {layer: choices[layer.value] for layer in Layer}
    layers = {layer: Cloud(cloud) for layer, cloud in found.items() if cloud != NONE}
    return Topology(layers, read_api=choices[READ_API] == ON)


def facts(choices: Choices) -> Facts:
    """All facts of a twin that twin.yaml allows."""
    twin, events = topology(choices), choices[EVENTS] == ON
    drawn = graph(twin)
    shown = Graph(
        tuple(node for node in drawn.nodes if events or not node.optional),
        tuple(edge for edge in drawn.edges if events or not edge.optional),
    )
    links = tuple(link for link in twin.links if events or not link.optional)
    return dict(
        (
            *_parts(shown),
            *_path(shown),
            *_links(twin, links, shown),
            *_places(twin),
            *_endpoints(twin, links, shown),
            *_secrets(twin, links),
        )
    )


def _parts(shown: Graph) -> Iterator[tuple[str, Value]]:
    for node in shown.nodes:
        yield f"node/{node.id}", node.cloud or "outside"
        if node.role and node.cloud:
            yield f"function/{node.cloud}/{node.role}", 1


def _path(shown: Graph) -> Iterator[tuple[str, Value]]:
    """What an event goes through from the device to the hot store."""
    path = _way(shown, "devices", "hot_store")
    yield "hops", len(path)
    nodes = [shown.node(path[0].source), *(shown.node(edge.target) for edge in path)]
    for i, node in enumerate(nodes):
        name = node.name
        yield f"step/{i}", f"{name[0].upper()}{name[1:]}"
        yield f"step_cloud/{i}", words.CLOUDS[node.cloud] if node.cloud else "outside the twin"
    for i, (before, node) in enumerate(pairwise(nodes), start=1):
        if before.cloud and node.cloud is not before.cloud:
            yield f"step_remote/{i}", 1


def _way(shown: Graph, start: str, end: str) -> tuple[Edge, ...]:
    """The shortest way between two nodes."""
    ways: dict[str, tuple[Edge, ...]] = {start: ()}
    waiting = [start]
    for source in waiting:
        for edge in shown.edges:
            if edge.source == source and edge.target not in ways:
                ways[edge.target] = (*ways[source], edge)
                waiting.append(edge.target)
    return ways[end]


def _links(twin: Topology, links: tuple[Link, ...], shown: Graph) -> Iterator[tuple[str, Value]]:
    kinds = {link.name: _kind(link) for link in links}
    for link in links:
        said, kind = words.LINKS[link.name], kinds[link.name]
        yield f"link/{link.name}", kind
        yield f"link_is/{kind}/{link.name}", 1
        yield f"link_how/{link.name}", said.inside if kind == LOCAL else said.between
        yield f"link_where/{link.name}", _where(link)
    for edge in shown.edges:
        yield f"edge/{edge.key}", kinds[edge.link] if edge.link in kinds and edge.kind == "https" else LOCAL
    for link in twin.wired_links:
        yield f"wired/{link.name}", 1


def _kind(link: Link) -> str:
    if link.sender_cloud is None:
        return CLIENT
    return REMOTE if link.remote else LOCAL


def _where(link: Link) -> str:
    receiver = words.CLOUDS[link.receiver_cloud]
    if link.sender_cloud is None:
        return f"anywhere → {receiver}"
    return f"{words.CLOUDS[link.sender_cloud]} → {receiver}" if link.remote else f"in {receiver}"


def _places(twin: Topology) -> Iterator[tuple[str, Value]]:
    for layer, cloud in twin.layers.items():
        yield f"lane/{layer}", cloud
        yield f"holds/{cloud}/{layer}", 1


def _endpoints(twin: Topology, links: tuple[Link, ...], shown: Graph) -> Iterator[tuple[str, Value]]:
    """What is reached from outside a cloud, by whom and with what."""
    for role in dict.fromkeys(link.receiver for link in links if link.public and link.receiver):
        cloud = twin.roles[role]
        yield f"endpoint/{role}", f"{words.function(role, cloud)} ({words.RECEIVER[cloud]})"
        yield f"endpoint_cloud/{role}", words.CLOUDS[cloud]
        yield f"endpoint_at/{role}", f"{sections.guide_file(cloud)}#{sections.function_anchor(role)}"
    for edge in shown.edges:
        if edge.kind == "https":
            caller = shown.node(edge.source)
            proof = "API key and signature" if twin.link(edge.link).signed else "API key"
            where = f" in {words.CLOUDS[caller.cloud]}" if caller.cloud else ""
            yield f"call/{edge.target}/{edge.source}", f"{caller.name}{where}: {proof}"


def _secrets(twin: Topology, links: tuple[Link, ...]) -> Iterator[tuple[str, Value]]:
    for cloud in twin.clouds:
        for link in twin.link_secrets_in(cloud):
            if link in links:
                yield f"secret/{cloud}/{link.name}", 1


def groups(names: Iterable[str]) -> Mapping[str, Iterable[str]]:
    """Facts that are counted, added or looked at together: those whose names begin alike."""
    found: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        if parts[0] in GROUPS:
            found.setdefault("/".join(parts[: GROUPS[parts[0]]]), []).append(name)
    return found
