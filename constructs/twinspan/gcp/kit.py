"""The kit of Google Cloud."""

from twin_runtime.roles import Cloud
from twinspan.gcp.acquisition import Broker
from twinspan.gcp.events.state import StateStore
from twinspan.gcp.events.workflow import Workflow
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.hot_storage import Store
from twinspan.gcp.queues import DeadLetterQueue, Queue
from twinspan.gcp.receivers import Endpoint
from twinspan.gcp.schedules import Clock
from twinspan.gcp.secrets import ApiKeys, LinkSecret
from twinspan.gcp.tiers import ArchiveStore, ColdStore
from twinspan.gcp.twin_management import Graph
from twinspan.gcp.visualization import Dashboards
from twinspan.kit import Kit


def kit(foundation: Foundation) -> Kit:
    """What the layers of the stack `gcp` are put together from."""
    return Kit(
        cloud=Cloud.GCP,
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
