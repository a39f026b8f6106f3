"""The parts of a twin, made of Google Cloud."""

from collections.abc import Mapping

from twinspan import parts
from twinspan.gcp.acquisition import Broker
from twinspan.gcp.events import Workflow
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.hot_storage import Store
from twinspan.gcp.queues import DeadLetterQueue, Queue
from twinspan.gcp.receivers import Endpoint
from twinspan.gcp.secrets import ApiKeys, LinkSecret
from twinspan.providers import Construct
from twinspan.topology import Link
from twinspan.vocabulary import Cloud, Layer, Role


class Kit:
    """`twinspan.parts.Kit` for Google Cloud."""

    cloud = Cloud.GCP

    def __init__(self, foundation: Foundation) -> None:
        self._foundation = foundation
        self.twin = foundation.twin

    def queue(self, scope: Construct, name: str, *, layer: Layer, optional: bool = False) -> Queue:
        return Queue(
            scope, f"{name}-queue", foundation=self._foundation, name=name, layer=layer, optional=optional
        )

    def dead_letters(
        self, scope: Construct, name: str, *, layer: Layer, optional: bool = False
    ) -> DeadLetterQueue:
        return DeadLetterQueue(
            scope, name, foundation=self._foundation, name=name, layer=layer, optional=optional
        )

    def function(
        self,
        scope: Construct,
        role: Role,
        *,
        layer: Layer,
        environment: Mapping[str, str],
        source: parts.Queue | None = None,
        receiver: bool = False,
        optional: bool = False,
    ) -> Function:
        if source is not None and not isinstance(source, Queue):
            raise TypeError(f"{role} can only consume a queue of its own cloud")
        return Function(
            scope,
            role,
            foundation=self._foundation,
            role=role,
            layer=layer,
            environment=environment,
            source=source,
            receiver=receiver,
            optional=optional,
        )

    def endpoint(self, scope: Construct, function: parts.Function, *, api_keys: parts.ApiKeys) -> None:
        if not isinstance(function, Function) or not isinstance(api_keys, ApiKeys):
            raise TypeError("an endpoint, its function and its keys are parts of one cloud")
        Endpoint(
            scope,
            f"{function.role}-endpoint",
            foundation=self._foundation,
            function=function,
            api_keys=api_keys,
        )

    def link_secret(self, scope: Construct, link: Link, *, layer: Layer) -> LinkSecret:
        return LinkSecret(scope, f"link-{link.name}", foundation=self._foundation, link=link, layer=layer)

    def api_keys(self, scope: Construct, role: Role, *, layer: Layer, optional: bool = False) -> ApiKeys:
        return ApiKeys(
            scope, f"{role}-keys", foundation=self._foundation, role=role, layer=layer, optional=optional
        )

    def store(self, scope: Construct) -> Store:
        return Store(scope, "store", foundation=self._foundation)

    def broker(self, scope: Construct) -> Broker:
        return Broker(scope, "broker", foundation=self._foundation)

    def workflow(self, scope: Construct) -> Workflow:
        return Workflow(scope, "workflow", foundation=self._foundation)
