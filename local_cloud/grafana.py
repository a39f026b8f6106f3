"""A stand-in for Grafana's HTTP API, as far as Twinspan uses it, at least as strict as Grafana.

It keeps data sources, folders, dashboards with their versions, and plugins. It shows nothing, and queries
nothing: a data source is what was written to it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_cloud.web import Answer, Request, json_answer

UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
CORE = ("cloudwatch", "grafana-azure-monitor-datasource", "stackdriver")
"""Data source plugins that every Grafana brings."""
_DATA_SOURCE = {
    "uid": str,
    "name": str,
    "type": str,
    "access": str,
    "url": str,
    "isDefault": bool,
    "jsonData": dict,
    "secureJsonData": dict,
    "version": int,
}
_SAVE = {"dashboard": dict, "folderUid": str, "message": str, "overwrite": bool}


@dataclass
class Dashboard:
    """`versions` are the contents with their messages, the oldest first."""

    folder: str
    versions: list[tuple[dict[str, Any], str]] = field(default_factory=list[tuple[dict[str, Any], str]])

    @property
    def content(self) -> dict[str, Any]:
        return self.versions[-1][0]


class Refused(Exception):
    """An answer that is an error, with Grafana's own word for it."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer = json_answer(code, {"message": message, **more})


class GrafanaApi:
    """`allowed` says whether a header `authorization` is an administrator's: None where nobody's is, False
    where it is someone else's. `catalog` has the versions of each plugin that can be installed.
    """

    def __init__(
        self,
        allowed: Callable[[str | None], bool | None],
        *,
        catalog: Mapping[str, Iterable[str]],
        installed: Iterable[str] = (),
    ) -> None:
        self._allowed = allowed
        self._catalog = {plugin: tuple(versions) for plugin, versions in catalog.items()}
        self._lock = threading.Lock()
        self.plugins = dict.fromkeys(CORE, "core") | dict.fromkeys(installed, "installed")
        self.data_sources: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, Dashboard] = {}
        self.writes: list[str] = []
        """The requests that were not reads, as `POST /api/folders`."""
        self.ahead: list[int] = []
        """Statuses that the next requests are answered with, whatever they ask for."""

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            if self.ahead:
                return json_answer(self.ahead.pop(0), {"message": "by order"})
            allowed = self._allowed(request.headers.get("authorization"))
            if allowed is None:
                return json_answer(401, {"message": "Invalid API key"})
            if not allowed:
                return json_answer(403, {"message": "You'll need additional permissions"})
            if request.method != "GET":
                self.writes.append(f"{request.method} {request.path}")
            try:
                return self._route(request)
            except Refused as refused:
                return refused.answer

    def _route(self, request: Request) -> Answer:
        for pattern, method, handler in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return handler(request, *found.groups())
        raise Refused(404, "Not found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        uid = r"([^/]+)"
        return [
            (rf"/api/plugins/{uid}/settings", "GET", self._plugin),
            (rf"/api/plugins/{uid}/install", "POST", self._install),
            (rf"/api/datasources/uid/{uid}", "GET", self._data_source),
            ("/api/datasources", "POST", self._create_data_source),
            (rf"/api/datasources/uid/{uid}", "PUT", self._update_data_source),
            (rf"/api/folders/{uid}", "GET", self._folder),
            ("/api/folders", "POST", self._create_folder),
            ("/api/search", "GET", self._search),
            (rf"/api/dashboards/uid/{uid}", "GET", self._dashboard),
            (rf"/api/dashboards/uid/{uid}/versions", "GET", self._versions),
            ("/api/dashboards/db", "POST", self._save_dashboard),
            (rf"/api/dashboards/uid/{uid}", "DELETE", self._delete_dashboard),
        ]

    # Plugins

    def _plugin(self, _request: Request, plugin: str) -> Answer:
        if plugin not in self.plugins:
            raise Refused(404, "Plugin not found, no installed plugin with that id")
        return json_answer(200, {"id": plugin, "info": {"version": self.plugins[plugin]}})

    def _install(self, request: Request, plugin: str) -> Answer:
        version = _body(request, {"version": str}).get("version")
        if plugin in CORE:
            raise Refused(403, "Cannot install or change a Core plugin")
        if plugin in self.plugins:
            raise Refused(409, "Plugin already installed")
        versions = self._catalog.get(plugin, ())
        if not versions or (version is not None and version not in versions):
            raise Refused(404, "Plugin version not found")
        self.plugins[plugin] = version or versions[-1]
        return json_answer(200, {})

    # Data sources

    def _data_source(self, _request: Request, uid: str) -> Answer:
        if uid not in self.data_sources:
            raise Refused(404, "Data source not found")
        return json_answer(200, self.data_sources[uid])

    def _create_data_source(self, request: Request) -> Answer:
        body = _body(request, _DATA_SOURCE)
        self._check_data_source(body)
        if body["uid"] in self.data_sources:
            raise Refused(409, "data source with the same uid already exists")
        return self._put(body, 1)

    def _update_data_source(self, request: Request, uid: str) -> Answer:
        body = _body(request, _DATA_SOURCE)
        there = self.data_sources.get(uid)
        if there is None:
            raise Refused(404, "Data source not found")
        self._check_data_source(body)
        if body.get("version", there["version"]) != there["version"]:
            raise Refused(409, "Datasource has already been updated by someone else.")
        return self._put(body, there["version"] + 1)

    def _check_data_source(self, body: Mapping[str, Any]) -> None:
        for name in ("uid", "name", "type", "access"):
            if not body.get(name):
                raise Refused(400, f"bad request data: {name}")
        if not UID.fullmatch(body["uid"]) or body["access"] not in ("proxy", "direct"):
            raise Refused(400, "Validation error")
        if body["type"] not in self.plugins:
            raise Refused(400, f"plugin {body['type']} not registered")
        if any(d["name"] == body["name"] for uid, d in self.data_sources.items() if uid != body["uid"]):
            raise Refused(409, "data source with the same name already exists")

    def _put(self, body: Mapping[str, Any], version: int) -> Answer:
        uid = body["uid"]
        secrets = self.secrets.setdefault(uid, {})
        secrets |= body.get("secureJsonData", {})
        told = {name: value for name, value in body.items() if name not in ("secureJsonData", "version")}
        defaults: dict[str, Any] = {"url": "", "isDefault": False, "jsonData": {}}
        kept = {**defaults, **told, "version": version, "readOnly": False}
        self.data_sources[uid] = {**kept, "secureJsonFields": dict.fromkeys(secrets, True)}
        return json_answer(200, {"name": body["name"], "datasource": self.data_sources[uid]})

    # Folders and dashboards

    def _folder(self, _request: Request, uid: str) -> Answer:
        if uid not in self.folders:
            raise Refused(404, "folder not found")
        return json_answer(200, {"uid": uid, "title": self.folders[uid]})

    def _create_folder(self, request: Request) -> Answer:
        body = _body(request, {"uid": str, "title": str})
        if not UID.fullmatch(body.get("uid", "")) or not body.get("title"):
            raise Refused(400, "folder title cannot be empty")
        if body["uid"] in self.folders:
            raise Refused(409, "a folder with that uid already exists")
        self.folders[body["uid"]] = body["title"]
        return json_answer(200, {"uid": body["uid"], "title": body["title"]})

    def _search(self, request: Request) -> Answer:
        limit = request.query.get("limit", "1000")
        if request.query.get("type") not in (None, "dash-db") or not limit.isdecimal() or int(limit) > 5000:
            raise Refused(422, "Limit is above maximum allowed (5000), use page parameter to access hits")
        tag = request.query.get("tag")
        found = [
            {"uid": uid, "title": each.content["title"], "tags": each.content.get("tags", [])}
            | ({"folderUid": each.folder} if each.folder else {})
            for uid, each in self.dashboards.items()
            if tag is None or tag in each.content.get("tags", [])
        ]
        return json_answer(200, found[: int(limit)])

    def _versions(self, request: Request, uid: str) -> Answer:
        if uid not in self.dashboards:
            raise Refused(404, "Dashboard not found")
        versions = self.dashboards[uid].versions
        numbered = [{"uid": uid, "version": n + 1, "message": m} for n, (_, m) in enumerate(versions)]
        shown = numbered[::-1][: int(request.query.get("limit", "1000"))]
        return json_answer(200, {"continueToken": "", "versions": shown})

    def _dashboard(self, _request: Request, uid: str) -> Answer:
        kept = self.dashboards.get(uid)
        if kept is None:
            raise Refused(404, "Dashboard not found")
        meta = {"folderUid": kept.folder, "version": len(kept.versions)}
        return json_answer(200, {"dashboard": kept.content, "meta": meta})

    def _save_dashboard(self, request: Request) -> Answer:
        body = _body(request, _SAVE)
        content, folder = body.get("dashboard", {}), body.get("folderUid", "")
        uid, title = content.get("uid"), content.get("title")
        if not isinstance(title, str) or not title:
            raise Refused(400, "Dashboard title cannot be empty", status="empty-name")
        if not isinstance(uid, str) or not UID.fullmatch(uid):
            raise Refused(400, "uid contains illegal characters, or is too long")
        if folder and folder not in self.folders:
            raise Refused(400, "folder not found")
        if content.get("id") is not None:
            raise Refused(404, "Dashboard not found")
        if uid in self.dashboards and not body.get("overwrite"):
            raise Refused(412, "A dashboard with the same uid already exists", status="name-exists")
        kept = self.dashboards.setdefault(uid, Dashboard(folder))
        kept.folder = folder
        kept.versions.append((content, body.get("message", "")))
        return json_answer(200, {"uid": uid, "status": "success", "version": len(kept.versions)})

    def _delete_dashboard(self, _request: Request, uid: str) -> Answer:
        if self.dashboards.pop(uid, None) is None:
            raise Refused(404, "Dashboard not found")
        return json_answer(200, {"message": "Dashboard deleted"})


def _body(request: Request, fields: Mapping[str, type]) -> dict[str, Any]:
    """A JSON object with these fields and no others, each of its type."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "unsupported media type")
    try:
        body = request.json()
    except ValueError:
        raise Refused(400, "bad request data") from None
    if not isinstance(body, dict):
        raise Refused(400, "bad request data")
    for name, value in body.items():
        kind = fields.get(name)
        if kind is None or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Refused(400, f"bad request data: {name}")
    return body
