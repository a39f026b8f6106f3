"""The storage queue trigger, by the host's rules."""

from __future__ import annotations

import binascii
import contextlib
import logging
import threading
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient, QueueMessage

from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.settings import QueueOptions
from local_cloud.azure.host.worker import Function, Worker

_HIDDEN_S = 600.0
"""How long a message that is worked on is hidden from others; renewed at half of it."""
_SHORTEST_WAIT_S = 0.05
LONGEST_WAIT_S = 0.25
"""Between two looks into an empty queue. The host waits up to maxPollingInterval: too long for a demo."""
_LOG = logging.getLogger("host")


class QueueListener:
    """Takes messages of one queue and has a function work on them.

    A message whose function fails becomes visible again after `visibilityTimeout`, and goes to
    `<queue>-poison` when it has been handed out `maxDequeueCount` times. `hasten` divides the times for which
    a message is hidden.
    """

    def __init__(
        self,
        function: Function,
        worker: Worker,
        *,
        queue: QueueClient,
        poison: QueueClient,
        options: QueueOptions,
        invocations: Invocations,
        hasten: float = 1.0,
    ) -> None:
        self._function = function
        self._worker = worker
        self._queue = queue
        self._poison = poison
        self._options = options
        self._invocations = invocations
        self._hidden_s = max(2, round(_HIDDEN_S / hasten))
        self._again_s = max(0, round(options.visibility_timeout_s / hasten))
        most = options.batch_size + options.new_batch_threshold
        self._threads = ThreadPoolExecutor(most, thread_name_prefix=queue.queue_name)
        self._room = threading.Condition()
        self._held: dict[str, _Held] = {}

    def start(self) -> None:
        threading.Thread(target=self._poll, daemon=True, name="poll").start()
        threading.Thread(target=self._renew, daemon=True, name="renew").start()

    def release_all(self) -> None:
        """Give back what is worked on, as the host does when its worker ends."""
        for held in list(self._held.values()):
            self._failed(held)

    def _poll(self) -> None:
        wait = _SHORTEST_WAIT_S
        longest = min(LONGEST_WAIT_S, self._options.max_polling_interval_s)
        while True:
            with self._room:
                self._room.wait_for(lambda: len(self._held) <= self._options.new_batch_threshold)
            try:
                messages = self._receive()
            except AzureError as error:
                _LOG.warning("The queue %s could not be read (%s).", self._queue.queue_name, _named(error))
                messages = []
            for message in messages:
                held = self._held[message.id] = _Held(message)
                self._threads.submit(self._work, held)
            wait = _SHORTEST_WAIT_S if messages else min(wait * 2, longest)
            if not messages:
                time.sleep(wait)

    def _receive(self) -> list[QueueMessage]:
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size, visibility_timeout=self._hidden_s
        ).by_page()
        return list(next(iter(pages), []))

    def _work(self, held: _Held) -> None:
        try:
            self._run(held)
        except AzureError as error:
            # It comes back when its time out of sight is over.
            _LOG.warning("A message could not be settled (%s).", _named(error))
        except Exception:
            _LOG.exception("A message could not be worked on.")
        finally:
            with self._room:
                self._held.pop(held.message.id, None)
                self._room.notify()

    def _run(self, held: _Held) -> None:
        message = held.message
        if (message.dequeue_count or 0) > self._options.max_dequeue_count:
            self._to_poison(held)
            return
        try:
            body = b64decode(message.content, validate=True) if self._options.base64 else message.content
        except (binascii.Error, ValueError):
            self._to_poison(held)
            return
        with self._invocations.one():
            outcome = self._worker.call(self._function, Datum(body, "bytes"), _metadata(message))
        if outcome.ok:
            with held.lock:
                self._queue.delete_message(message.id, held.receipt)
                held.settled = True
        else:
            _LOG.warning("%s failed: %s", self._function.name, outcome.error)
            self._failed(held)

    def _failed(self, held: _Held) -> None:
        if (held.message.dequeue_count or 0) >= self._options.max_dequeue_count:
            self._to_poison(held)
            return
        with held.lock:
            if not held.settled:
                self._queue.update_message(held.message.id, held.receipt, visibility_timeout=self._again_s)
                held.settled = True

    def _to_poison(self, held: _Held) -> None:
        _LOG.warning(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
            self._options.max_dequeue_count,
            self._poison.queue_name,
        )
        with held.lock:
            if not held.settled:
                self._poison.send_message(held.message.content)
                with contextlib.suppress(ResourceNotFoundError):
                    self._queue.delete_message(held.message.id, held.receipt)
                held.settled = True

    def _renew(self) -> None:
        while True:
            time.sleep(min(1.0, self._hidden_s / 4))
            for held in list(self._held.values()):
                if time.monotonic() - held.since < self._hidden_s / 2:
                    continue
                with held.lock, contextlib.suppress(AzureError):
                    if not held.settled:
                        renewed = self._queue.update_message(
                            held.message.id, held.receipt, visibility_timeout=self._hidden_s
                        )
                        held.receipt, held.since = renewed.pop_receipt, time.monotonic()


class _Held:
    """A message that is worked on, with the receipt that its last renewal gave."""

    def __init__(self, message: QueueMessage) -> None:
        self.message = message
        self.receipt = message.pop_receipt
        self.since = time.monotonic()
        self.settled = False
        self.lock = threading.Lock()


def _metadata(message: QueueMessage) -> dict[str, Any]:
    """As the host hands it over: each value in JSON."""
    return {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(str(message.dequeue_count), "string"),
        "PopReceipt": Datum(message.pop_receipt, "string"),
    }


def _named(error: AzureError) -> str:
    return f"{type(error).__name__} {getattr(error, 'status_code', '') or ''}".strip()
