"""What is within the limits of a reading fits into the queues of every cloud: whole, in every form."""

from __future__ import annotations

import json
import random
from itertools import count
from typing import Any

import pytest

from support.memory import MemoryQueue
from support.samples import TWIN, event, log
from twin_aws.sqs import SqsQueue
from twin_aws.triggers import broker_message
from twin_azure.queues import StorageQueue
from twin_gcp.pubsub import TopicQueue
from twin_gcp.triggers import MAX_PUSH_BYTES
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters, decode
from twin_runtime.events import cloudevents
from twin_runtime.events.cloudevents import MAX_DATA_BYTES
from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.ports import MAX_BATCH_BYTES, BrokerMessage

CLIENT: Any = None
SQS = SqsQueue("https://sqs", CLIENT)
PUBSUB = TopicQueue(CLIENT)
STORAGE: Any = StorageQueue  # its bounds are the class's
BROKER_BYTES = {"sqs": MAX_PAYLOAD_BYTES, "storage": 256 * 1024, "pubsub": MAX_PUSH_BYTES // 4 * 3}
"""The longest message of a device that reaches the dispatcher: IoT Core's, IoT Hub's, and what is read of
Pub/Sub's. What is longer than MAX_PAYLOAD_BYTES is refused, and is in the dead letter.
"""
QUEUES = pytest.mark.parametrize(
    ("name", "queue"),
    [("sqs", SQS), ("pubsub", PUBSUB), ("storage", STORAGE)],
    ids=["sqs", "pubsub", "storage"],
)
WORST = "\U0001f600"
"""A character of which JSON in ASCII makes twelve bytes."""
LONGEST_HEAD: dict[str, Any] = {"reason": WORST * 500, "detail": WORST * 2_000, "device": WORST * 2_000}
_noise = random.Random(16)
_TEXT = "".join(
    _noise.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", k=MAX_DATA_BYTES - 8)
)
LARGEST = {"t": _TEXT}
"""Data that no compression makes much shorter."""


class Bench:
    """A dispatcher whose queues are as long as those of a cloud."""

    def __init__(self, queue: Any) -> None:
        self.queue, self.dead = MemoryQueue(queue.max_body_bytes), MemoryQueue(queue.max_body_bytes)
        logger, _ = log("dispatcher")
        numbers = count()
        self.dispatcher = Dispatcher(
            twin=TWIN, queue=self.queue, dead=DeadLetters(self.dead, logger), log=logger
        )
        self._received = lambda: f"2024-02-29T12:00:{next(numbers):02}Z"

    def send(self, *bodies: bytes) -> None:
        self.dispatcher.handle([BrokerMessage("thermostat-1", body, self._received()) for body in bodies])


def test_the_largest_data_is_just_within() -> None:
    assert len(json.dumps(LARGEST, separators=(",", ":"))) == MAX_DATA_BYTES
    cloudevents.check_size(LARGEST, " " * MAX_DATA_BYTES)
    with pytest.raises(cloudevents.Invalid, match="longer than 128000 bytes"):
        cloudevents.check_size({"t": _TEXT + "x"}, " " * MAX_DATA_BYTES)


@QUEUES
def test_every_batch_of_what_devices_may_send_is_sent(name: str, queue: Any) -> None:
    bench = Bench(queue)
    bench.send(*[json.dumps(LARGEST).encode()] * 3, json.dumps([{"t": n} for n in range(500)]).encode())
    assert bench.dead.bodies == []
    assert sum(len(json.loads(body)) for body in bench.queue.bodies) == 503
    assert max(map(len, bench.queue.bodies)) <= MAX_BATCH_BYTES <= SQS.max_body_bytes


@QUEUES
@pytest.mark.parametrize("form", ["noise", "controls", "text"])
def test_a_refused_message_is_whole_in_its_letter(name: str, queue: Any, form: str) -> None:
    """Bytes that are not text become base64; control characters, the worst to escape, sixfold."""
    length = BROKER_BYTES[name]
    body = {
        "noise": lambda: _noise.randbytes(length),
        "controls": lambda: bytes(_noise.choices(range(32), k=length)),
        "text": lambda: (WORST * (length // 4)).encode(),
    }[form]()
    bench = Bench(queue)
    bench.send(body)
    (letter,) = decode(bench.dead.bodies[0])
    read = letter.body.encode() if isinstance(letter.body, str) else letter.body
    assert read == body


@QUEUES
def test_the_letter_of_the_largest_event_has_room_for_the_longest_reason(name: str, queue: Any) -> None:
    dead = MemoryQueue(queue.max_body_bytes)
    DeadLetters(dead, log("processor")[0]).put([DeadLetter(event=event(data=LARGEST), **LONGEST_HEAD)])
    (letter,) = decode(dead.bodies[0])
    assert letter.event == event(data=LARGEST)


def test_the_letter_of_a_message_of_iot_core_has_room_for_the_longest_reason() -> None:
    dead = MemoryQueue(SQS.max_body_bytes)
    noise = _noise.randbytes(MAX_PAYLOAD_BYTES)
    DeadLetters(dead, log("dispatcher")[0]).put([DeadLetter(body=noise, **LONGEST_HEAD)])
    (letter,) = decode(dead.bodies[0])
    assert letter.body == noise


def test_what_lambda_and_the_topic_rule_keep_of_a_message_fits() -> None:
    """Both put the payload in base64 into SQS by themselves, with a few fields of their own."""
    payload = "A" * (-(-MAX_PAYLOAD_BYTES // 3) * 4)
    kept = {
        "requestPayload": {"payload": payload},
        "requestContext": {},
        "responsePayload": {"x": "y" * 5_000},
    }
    assert len(json.dumps(kept)) < SQS.max_body_bytes
    assert broker_message({"payload": payload, "device": "d", "client": "d", "received": 0}).problem is None


def test_a_storage_queue_gets_batches_that_need_no_claim() -> None:
    queue = MemoryQueue(STORAGE.max_body_bytes)
    queue_type: Any = type(queue)
    small = type("Small", (queue_type,), {"batch_bytes": STORAGE.batch_bytes})(STORAGE.max_body_bytes)
    events = [event(f"e{n}", data={"t": "x" * 3_000}) for n in range(60)]
    assert Outbox(small).send([*events, event("large", data=LARGEST)]) == {}
    lengths = sorted(map(len, small.bodies))
    assert len([each for each in lengths if each > STORAGE.batch_bytes]) == 1
    assert sum(len(json.loads(body)) for body in small.bodies) == 61
