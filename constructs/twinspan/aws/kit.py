"""The kit of AWS."""

from twin_runtime.roles import Cloud
from twinspan.aws.acquisition import Broker
from twinspan.aws.events.state import StateStore
from twinspan.aws.events.workflow import Workflow
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.hot_storage import Store
from twinspan.aws.queues import DeadLetterQueue, Queue
from twinspan.aws.receivers import Endpoint
from twinspan.aws.schedules import Clock
from twinspan.aws.secrets import ApiKeys, LinkSecret
from twinspan.aws.tiers import ArchiveStore, ColdStore
from twinspan.aws.twin_management import Graph
from twinspan.aws.visualization import Dashboards
from twinspan.kit import Kit


def kit(foundation: Foundation) -> Kit:
    """What the layers of the stack `aws` are put together from."""
    return Kit(
        cloud=Cloud.AWS,
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
        graphs=Graph,
        dashboards=Dashboards,
    )
