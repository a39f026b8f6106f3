"""Starts an execution of a workflow once per name, where the platform itself would start one at every call.

The first delivery of an event puts a claim, starts the execution, and then records the start. Later
deliveries find the record and are done. Concurrent ones find a claim without a record, and come again.

A claim without a record for LEASE_S belongs to a call that died, and the next delivery takes it over. The
execution therefore starts at least once. It starts again only where the answer to a start was lost, or where
the function died between the start and its record.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from twin_runtime.errors import Retry
from twin_runtime.log import Log, failure
from twin_runtime.ports import IdempotencyStore, Workflow

LEASE_S = 120.0
"""How long a claim without a record is left alone: twice the time after which a platform ends a call."""
_BUSY = "Another delivery of the event is starting the workflow."
_GIVEN_BACK = "0"
"""The text of a claim whose start failed: one of long ago."""
_PAUSES_S = (0.2, 0.8)
"""Seconds before the second and the third attempt to record a start."""


class IdempotentWorkflow:
    """`ports.Workflow` that starts `workflow` once per name. Thread-safe, as its parts are."""

    def __init__(
        self,
        workflow: Workflow,
        store: IdempotencyStore,
        *,
        log: Log,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._workflow = workflow
        self._store = store
        self._log = log
        self._clock = clock
        self._sleep = sleep

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start the execution unless it was started; raises `Retry` while another call is about to."""
        version = self._claim(name)
        if version is None:
            return
        try:
            self._workflow.start(name, payload)
        except Exception:
            self._give_back(name, version)
            raise
        self._record(name)

    def _claim(self, name: str) -> str | None:
        """The version of the claim that this call now holds; None where the execution was started."""
        text = f"{self._clock():.0f} {secrets.token_hex(8)}"  # no other call writes the same
        version = self._store.put_if_absent(_claim_of(name), text)
        if version is not None:
            return version
        claim = self._store.get(_claim_of(name))
        if self._store.get(_start_of(name)) is not None:
            return None
        if claim is not None and claim.text == text:  # ours, put by a request whose answer was lost
            return claim.version
        if claim is not None and not self._is_held(claim.text):
            version = self._store.replace(_claim_of(name), text, version=claim.version)
        if version is None:
            raise Retry(_BUSY)
        return version

    def _is_held(self, claim: str) -> bool:
        """Whether the call that wrote a claim may still be at work. Clocks differ, hence a claim of the
        future.
        """
        return abs(self._clock() - float(claim.partition(" ")[0])) < LEASE_S

    def _give_back(self, name: str, version: str) -> None:
        """Let the next delivery start the execution at once. It waits for LEASE_S where this fails."""
        try:
            self._store.replace(_claim_of(name), _GIVEN_BACK, version=version)
        except Exception as error:
            self._log.warning("claim_not_given_back", execution=name, reason=failure(error))

    def _record(self, name: str) -> None:
        """Record the start. Never raises: the event is done, and bringing it back would start it again."""
        for pause in (*_PAUSES_S, None):
            try:
                self._store.put_if_absent(_start_of(name), f"{self._clock():.0f}")
                return
            except Exception as error:
                if pause is None:
                    self._log.error("start_not_recorded", execution=name, reason=failure(error))
                    return
                self._sleep(pause)


def _claim_of(name: str) -> str:
    return f"{name}/claim"


def _start_of(name: str) -> str:
    return f"{name}/started"
