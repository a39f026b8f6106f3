"""Starts MiniStack in its own Python environment, with all that it opens on loopback.

Run by that environment's interpreter, never imported: MiniStack and boto3 are there alone. It corrects what
of MiniStack 1.5.33 would hide or invent a mistake in a stack.
"""

import asyncio
from typing import Any

from ministack.core import iam_evaluator  # type: ignore[import-not-found]

_create_server = asyncio.base_events.BaseEventLoop.create_server
_enforce = iam_evaluator.enforce


def _on_loopback(self: Any, factory: Any, host: Any = None, *rest: Any, **options: Any) -> Any:
    """MiniStack's MQTT listener asks for all addresses, whatever BIND_HOST says."""
    return _create_server(self, factory, "127.0.0.1" if host == "0.0.0.0" else host, *rest, **options)  # noqa: S104


def _as_iam_names_it(access_key_id: str, action: str, service: str, *rest: Any, **options: Any) -> Any:
    """SQS has no permissions for batches: sqs:SendMessage is asked for SendMessageBatch too."""
    if service == "sqs":
        action = action.removesuffix("Batch")
    return _enforce(access_key_id, action, service, *rest, **options)


if __name__ == "__main__":
    asyncio.base_events.BaseEventLoop.create_server = _on_loopback  # type: ignore[method-assign]
    iam_evaluator.enforce = _as_iam_names_it
    from ministack import app  # type: ignore[import-not-found]

    app._port_is_bindable = lambda *_: False  # with TLS it would take port 443 as well
    app.main()
