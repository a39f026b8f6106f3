"""The attributes that Google Cloud computes, by resource type: paths as the real ones are, addresses on
loopback.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.standins import Body

PROJECT_NUMBER = "123456789012"


@dataclass(frozen=True)
class Attributes:
    """A `standins.Computed`. `urls` has the address of each function by the name of its resource."""

    project: str
    urls: Mapping[str, str]

    def __call__(self, kind: str, name: str, body: Body) -> Mapping[str, Any]:
        method = getattr(self, f"_{kind.removeprefix('google_')}", None)
        return method(name, body) if method is not None else {"id": f"{kind}/{name}"}

    def _cloudfunctions2_function(self, name: str, body: Body) -> Mapping[str, Any]:
        url = self.urls[name]
        path = f"projects/{self.project}/locations/{body['location']}/functions/{body['name']}"
        return {"id": path, "url": url, "service_config": [{**body["service_config"], "uri": url}]}

    def _cloud_run_v2_service(self, _name: str, body: Body) -> Mapping[str, Any]:
        """No service is run here: Grafana's image is not at hand."""
        path = f"projects/{self.project}/locations/{body['location']}/services/{body['name']}"
        return {"id": path, "uri": f"https://{body['name']}-{PROJECT_NUMBER}.{body['location']}.run.app"}

    def _firestore_database(self, _name: str, body: Body) -> Mapping[str, Any]:
        return {"id": f"projects/{self.project}/databases/{body['name']}"}

    def _logging_project_bucket_config(self, _name: str, body: Body) -> Mapping[str, Any]:
        path = f"projects/{body['project']}/locations/{body['location']}/buckets/{body['bucket_id']}"
        return {"id": path, "name": path}

    def _monitoring_notification_channel(self, name: str, _body: Body) -> Mapping[str, Any]:
        path = f"projects/{self.project}/notificationChannels/{_digits(name)}"
        return {"id": path, "name": path}

    def _pubsub_subscription(self, _name: str, body: Body) -> Mapping[str, Any]:
        return {"id": f"projects/{self.project}/subscriptions/{body['name']}"}

    def _pubsub_topic(self, _name: str, body: Body) -> Mapping[str, Any]:
        return {"id": f"projects/{self.project}/topics/{body['name']}"}

    def _secret_manager_secret(self, _name: str, body: Body) -> Mapping[str, Any]:
        path = f"projects/{self.project}/secrets/{body['secret_id']}"
        return {"id": path, "name": path}

    def _service_account(self, _name: str, body: Body) -> Mapping[str, Any]:
        email = f"{body['account_id']}@{self.project}.iam.gserviceaccount.com"
        path = f"projects/{self.project}/serviceAccounts/{email}"
        return {
            "id": path,
            "name": path,
            "email": email,
            "member": f"serviceAccount:{email}",
            "unique_id": _digits(email),
        }

    def _storage_bucket(self, _name: str, body: Body) -> Mapping[str, Any]:
        return {"id": body["name"], "url": f"gs://{body['name']}", "project_number": PROJECT_NUMBER}

    def _workflows_workflow(self, _name: str, body: Body) -> Mapping[str, Any]:
        return {"id": f"projects/{self.project}/locations/{body['region']}/workflows/{body['name']}"}


def _digits(text: str) -> str:
    """A number of 21 digits, always the same for a text."""
    return f"1{zlib.crc32(text.encode()):020d}"
