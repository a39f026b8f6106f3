"""A stand-in for what gives an app service's managed identities their tokens: the endpoint that
IDENTITY_ENDPOINT and IDENTITY_HEADER name, as the real credential of azure-identity asks it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping

from local_cloud.azure.tokens import LIFETIME_S, Tokens
from local_cloud.web import Answer, Request, json_answer

PATH = "/msi/token"


class Identities:
    """`apps` has the secret header of each app, and the identities assigned to it: principals by client id.

    An app gets tokens of its own identities alone.
    """

    def __init__(self, tokens: Tokens, apps: Mapping[str, Mapping[str, str]]) -> None:
        self._tokens = tokens
        self._apps = apps

    def __call__(self, request: Request) -> Answer:
        if request.method != "GET" or request.path != PATH:
            return Answer(404)
        header = request.headers.get("x-identity-header", "")
        app = next((app for known, app in self._apps.items() if hmac.compare_digest(known, header)), None)
        client, resource = request.query.get("client_id", ""), request.query.get("resource")
        if app is None:
            return json_answer(401, {"statusCode": 401, "message": "The identity header is not right."})
        if not resource or client not in app:
            return json_answer(400, {"statusCode": 400, "message": f"The app has no identity {client!r}."})
        return json_answer(
            200,
            {
                "access_token": self._tokens.issue(app[client], resource),
                "client_id": client,
                "expires_on": str(int(time.time()) + LIFETIME_S),
                "resource": resource,
                "token_type": "Bearer",
            },
        )
