"""The kit of Azure."""

from twin_runtime.roles import Cloud
from twinspan.azure.acquisition import Broker
from twinspan.azure.events.state import StateStore
from twinspan.azure.events.workflow import Workflow
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.hot_storage import Store
from twinspan.azure.queues import DeadLetterQueue, Queue
from twinspan.azure.receivers import Endpoint
from twinspan.azure.schedules import Clock
from twinspan.azure.secrets import ApiKeys, LinkSecret
from twinspan.azure.tiers import ArchiveStore, ColdStore
from twinspan.azure.twin_management import Graph
from twinspan.azure.visualization import Dashboards
from twinspan.kit import Kit


def kit(foundation: Foundation) -> Kit:
    """What the layers of the stack `azure` are put together from."""
    return Kit(
        cloud=Cloud.AZURE,
        twin=foundation.twin,
        foundation=foundation,
        queues=Queue,
        dead_letter_queues=DeadLetterQueue,
        functions=Function,
        clocks=Clock,
        endpoints=Endpoint,
        link_secrets=LinkSecret,
        keys=ApiKeys,
        stores=Store,
        brokers=Broker,
        workflows=Workflow,
        state_stores=StateStore,
        cold_stores=ColdStore,
        archive_stores=ArchiveStore,
        dashboards=Dashboards,
        graphs=Graph,
    )
