"""L5: Grafana, its dashboards, and the key with which it reads the hot store."""

from twin_runtime.roles import Layer
from twinspan import datasource
from twinspan.kit import Kit
from twinspan.layers.hot_storage import HotStorage
from twinspan.providers import Construct


class Visualization(Construct):
    """Grafana reads through hot_reader's public endpoint, in one cloud too: it needs the URL and the key.

    They are in the link's secret. This stack writes them if hot_reader is in this cloud (`store`); otherwise
    the stack `links` does.
    """

    def __init__(self, scope: Construct, id_: str, *, kit: Kit, store: HotStorage | None) -> None:
        super().__init__(scope, id_)
        link = kit.twin.topology.link("dashboards")
        grafana = kit.grafana(self)
        secret = kit.link_secret(self, link, layer=Layer.VISUALIZATION)
        if store:
            assert store.reader is not None  # the link requires it
            url, api_key = bare(store.reader.url), bare(store.reader.api_key)
            secret.fill(datasource.secret(link, url=url, api_key=api_key))
        if link.sender is None:
            grafana.read_by(secret)
            return
        keeper = kit.function(
            self,
            link.sender,
            layer=Layer.VISUALIZATION,
            environment={"GRAFANA": grafana.address, "LINK_SECRET": secret.address},
        )
        secret.grant_read(keeper)
        grafana.keep_with(keeper)


def bare(expression: str) -> str:
    """The inside of an interpolation `${…}`, for use inside a larger one; a template becomes a quoted one."""
    inside = expression.removeprefix("${").removesuffix("}")
    whole = expression.startswith("${") and expression.endswith("}") and "${" not in inside
    return inside if whole else f'"{expression}"'
