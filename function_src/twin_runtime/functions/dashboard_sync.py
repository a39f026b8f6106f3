"""dashboard_sync: keeps the data sources and dashboards of a managed Grafana as they were generated.

Only what differs is written: a dashboard whose newest version was not saved by this function with this
content, a data source that is not as it was left. Grafana never tells a key that it was given, so the data
source carries a keyed digest of it. Dashboards that are no longer generated are deleted. Nothing else is
touched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twin_runtime.context import Context
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.grafana_api import GrafanaApi, NotAllowed
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Grafana
from twin_runtime.wire.secret_cache import CachedSecret

SETTINGS = "grafana.json"
DASHBOARDS = "dashboards"
TAG = "twinspan"
"""On every generated dashboard."""
DIGEST = "twinspanDigest"
VERSION = "twinspanVersion"
"""Fields of a data source's jsonData: what its secret part is made of, and which of its versions this is."""
_COMPARED = ("name", "type", "access", "url", "isDefault")


class DashboardSync:
    """`root` holds the package's `grafana.json` and `dashboards/`."""

    def __init__(
        self,
        *,
        twin: Twin,
        root: Path,
        grafana: Grafana,
        secret: CachedSecret,
        log: Log,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._twin = twin
        self._grafana = grafana
        self._secret = secret
        self._log = log
        self._sleep = sleep
        self._settings = _settings(root)
        self._dashboards = {
            path.stem: path.read_bytes() for path in sorted((root / DASHBOARDS).glob("*.json"))
        }

    def run(self, partition: int, partitions: int, *, budget: float) -> None:
        """Bring Grafana up to date. What fails keeps nothing else from being done; raises `Retry` then."""
        if partition != 0:
            return  # it is little work, and all of the first
        deadline = time.monotonic() + budget
        problems: list[Retry] = []
        done = {"written": 0, "deleted": 0, "unchanged": 0}

        def attempt(step: Callable[[], object]) -> None:
            try:
                step()
            except NotAllowed:
                raise
            except Retry as problem:
                problems.append(problem)

        with self._grafana.access() as authorization:
            api = GrafanaApi(self._grafana.url, authorization, deadline=deadline, sleep=self._sleep)
            attempt(lambda: self._keep_plugin(api))
            attempt(lambda: self._keep_metrics(api, done))
            attempt(lambda: self._keep_dashboards(api, done))
            attempt(lambda: self._keep_events(api, done))
        self._log.info("synced", **done, problems=len(problems))
        if problems:
            raise problems[0]

    def _keep_plugin(self, api: GrafanaApi) -> None:
        plugin = self._settings["plugin"]
        if api.has_plugin(plugin["id"]):
            return
        if not self._grafana.installs:
            raise Retry(
                f"Grafana has no plugin {plugin['id']} yet: Terraform installs it, with the workspace."
            )
        # The version that the queries were written for, or else what fits this Grafana.
        if not any(api.install_plugin(plugin["id"], version) for version in (plugin["version"], None)):
            raise Retry(f"Grafana does not install the plugin {plugin['id']}: is plugin management enabled?")
        self._log.info("plugin_installed", plugin=plugin["id"])

    def _keep_metrics(self, api: GrafanaApi, done: dict[str, int]) -> None:
        self._keep_data_source(api, self._settings["metrics"], {}, "", done)

    def _keep_events(self, api: GrafanaApi, done: dict[str, int]) -> None:
        """The data source of the twin's events, from the link's secret."""
        secret = self._secret.read()
        url, key = secret.get("url"), secret.get("api_key")
        if not isinstance(url, str) or not isinstance(key, str):
            raise Retry("The link's secret lacks url or api_key.")
        known = self._settings["events"]
        wanted = {**known, "url": url, "jsonData": {**known["jsonData"], "allowedHosts": [url]}}
        digest = hmac.new(key.encode(), url.encode(), hashlib.sha256).hexdigest()[:32]
        self._keep_data_source(api, wanted, {"httpHeaderValue1": key}, digest, done)

    def _keep_data_source(
        self,
        api: GrafanaApi,
        wanted: Mapping[str, Any],
        secrets: Mapping[str, str],
        digest: str,
        done: dict[str, int],
    ) -> None:
        there = api.data_source(wanted["uid"])
        wanted = {**wanted, "jsonData": {**wanted["jsonData"], DIGEST: digest}}
        if there is not None and _same(there, wanted, secrets):
            done["unchanged"] += 1
            return
        version = there.get("version") if there is not None else 0
        known = version if isinstance(version, int) else 0
        # Whoever changes it by hand makes a newer version than the one that is noted here.
        noted = {**wanted["jsonData"], VERSION: known + 1}
        body = {**wanted, "jsonData": noted, "secureJsonData": dict(secrets)}
        api.put_data_source(
            {**body, "version": known} if there is not None else body, exists=there is not None
        )
        done["written"] += 1

    def _keep_dashboards(self, api: GrafanaApi, done: dict[str, int]) -> None:
        folder = self._settings["folder"]
        if not api.has_folder(folder["uid"]):
            api.create_folder(folder["uid"], folder["title"])
        found = {each.get("uid"): each.get("folderUid") for each in api.dashboards(TAG)}
        for uid, content in self._dashboards.items():
            message = f"Twinspan {hashlib.sha256(content).hexdigest()[:16]}"
            moved = uid in found and found[uid] != folder["uid"]
            if not moved and api.last_message(uid) == message:
                done["unchanged"] += 1
                continue
            api.put_dashboard(content, folder=folder["uid"], message=message)
            done["written"] += 1
        for uid, place in found.items():
            # A copy that a person made has the tag, too, but a uid of Grafana's making.
            if not isinstance(uid, str) or uid in self._dashboards or place != folder["uid"]:
                continue
            if uid.startswith(f"{self._twin.name}-"):
                api.delete_dashboard(uid)
                done["deleted"] += 1


def _same(there: Mapping[str, Any], wanted: Mapping[str, Any], secrets: Mapping[str, str]) -> bool:
    """Whether a data source is as this function left it."""
    kept = there.get("jsonData")
    fields = there.get("secureJsonFields") or {}
    return (
        isinstance(kept, dict)
        and all(there.get(name) == wanted.get(name, there.get(name)) for name in _COMPARED)
        and all(kept.get(name) == value for name, value in wanted["jsonData"].items())
        and kept.get(VERSION) == there.get("version")
        and all(fields.get(name) for name in secrets)
    )


def _settings(root: Path) -> dict[str, Any]:
    try:
        found = json.loads((root / SETTINGS).read_bytes())
    except (OSError, ValueError):
        raise ConfigurationError(f"The package has no readable {SETTINGS}.") from None
    missing = [name for name in ("plugin", "folder", "metrics", "events") if name not in found]
    if missing:
        raise ConfigurationError(f"{SETTINGS} lacks {' and '.join(missing)}.")
    return found


def assemble(context: Context) -> DashboardSync:
    return DashboardSync(
        twin=context.twin,
        root=context.root,
        grafana=context.cloud.grafana(context.settings["GRAFANA"]),
        secret=context.secret("LINK_SECRET"),
        log=context.log,
    )
