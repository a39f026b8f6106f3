"""The event system: rules are checked next to L2, commands reach the devices next to L1. All of it is
optional.
"""

from twin_runtime.roles import Layer, Role
from twinspan.contracts import Broker, Queue
from twinspan.kit import Kit
from twinspan.layers.hops import Hop
from twinspan.layers.receiver import receiver
from twinspan.providers import Construct


class EventFeedback(Construct):
    """Commands to the devices: from the `commands` queue when the checker is in this cloud, over HTTPS when
    it is not.
    """

    queue: Queue | None
    """The `commands` queue; None when the feedback link is remote."""

    def __init__(self, scope: Construct, id_: str, *, kit: Kit, broker: Broker) -> None:
        super().__init__(scope, id_)
        remote = kit.twin.topology.is_receiver(Role.EVENT_FEEDBACK)
        self.queue = None if remote else kit.queue(self, "commands", layer=Layer.ACQUISITION, optional=True)
        if self.queue:
            dead_letters = self.queue.dead_letters
            self.hops = [Hop.of("commands", self.queue)]
        else:
            dead_letters = kit.dead_letters(self, "commands-dead", layer=Layer.ACQUISITION, optional=True)
            self.hops = [
                Hop(
                    name="commands",
                    kind="devices",
                    letters=dead_letters.source,
                    target=broker.address,
                    optional=True,
                )
            ]
        environment = {"BROKER": broker.address, "DEAD_LETTER_QUEUE": dead_letters.address}
        if self.queue:
            feedback = kit.function(
                self,
                Role.EVENT_FEEDBACK,
                layer=Layer.ACQUISITION,
                environment=environment,
                source=self.queue,
                optional=True,
            )
        else:
            feedback, _ = receiver(
                self,
                Role.EVENT_FEEDBACK,
                kit=kit,
                layer=Layer.ACQUISITION,
                environment=environment,
                optional=True,
            )
        dead_letters.grant_send(feedback)
        broker.grant_command(feedback)


class EventCheck(Construct):
    """`events` queue → event_checker → commands and workflows.

    `feedback` is this cloud's own `EventFeedback`; None when L1 is in another cloud, which is then reached
    over HTTPS.
    """

    def __init__(self, scope: Construct, id_: str, *, kit: Kit, feedback: EventFeedback | None) -> None:
        super().__init__(scope, id_)
        self.queue: Queue = kit.queue(self, "events", layer=Layer.PROCESSING, optional=True)
        self.hops = [Hop.of("events", self.queue)]
        workflow = kit.workflow(self)
        commands = feedback.queue if feedback else None
        link = kit.twin.topology.link_of(Role.EVENT_CHECKER)
        secret = kit.link_secret(self, link, layer=Layer.PROCESSING) if link else None
        self.state = kit.state_store(self)
        environment = {
            "WORKFLOW": workflow.address,
            "STATE_STORE": self.state.address,
            "DEAD_LETTER_QUEUE": self.queue.dead_letters.address,
        }
        if commands:
            environment["COMMANDS_QUEUE"] = commands.address
        if secret:
            environment["LINK_SECRET"] = secret.address
        checker = kit.function(
            self,
            Role.EVENT_CHECKER,
            layer=Layer.PROCESSING,
            environment=environment,
            source=self.queue,
            optional=True,
        )
        self.queue.dead_letters.grant_send(checker)
        workflow.grant_start(checker)
        self.state.grant_write(checker)
        if commands:
            commands.grant_send(checker)
        if secret:
            secret.grant_read(checker)
