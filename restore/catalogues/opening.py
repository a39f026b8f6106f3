"""A place's catalogue, by the cloud that the place is in."""

from __future__ import annotations

from typing import Any

from operations.access import sdks
from restore.catalogues import Catalogue
from restore.places import Place


@sdks()
def open_catalogue(place: Place, reach: Any) -> Catalogue:
    """`reach` is the place's cloud's (see `operations.reach`). SDKs are loaded of that cloud alone."""
    if place.cloud == "aws":
        from restore.catalogues.aws import S3Catalogue
        from twin_aws.clients import client

        return S3Catalogue(place.address, client("s3"))
    if place.cloud == "azure":
        from restore.catalogues.azure import BlobCatalogue

        return BlobCatalogue(place.address, reach.storage)
    from restore.catalogues.gcp import StorageCatalogue
    from twin_gcp.rest import Rest

    return StorageCatalogue(
        place.address, Rest(reach.endpoints.storage, reach.tokens, service="Cloud Storage")
    )
