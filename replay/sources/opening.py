"""A place's source, by the cloud that the place is in."""

from __future__ import annotations

from typing import Any

from operations.access import sdks
from replay.places import Place
from replay.sources import Source


@sdks()
def open_source(place: Place, reach: Any) -> Source:
    """`reach` is the place's cloud's (see `operations.reach`). SDKs are loaded of that cloud alone."""
    if place.cloud == "aws":
        from replay.sources.aws import SqsSource
        from twin_aws.clients import client

        return SqsSource(place.letters, client("sqs"))
    if place.cloud == "azure":
        from replay.sources.azure import BlobSource, QueueSource

        made = BlobSource if place.hop == "broker" else QueueSource
        return made(place.letters, reach.storage)
    from replay.sources.gcp import PubSub, PubSubSource

    return PubSubSource(place.letters, PubSub(reach.endpoints.pubsub, reach.tokens), reach.queue)
