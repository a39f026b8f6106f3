"""Runs the timer functions of an app, as their clock would."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

from local_cloud.azure.apps import Function
from local_cloud.azure.host.timers import KEY_HEADER, PATH
from local_cloud.errors import LocalCloudError

_LONGEST_RUN_S = 1_800.0


def run(function: Function, *, key: str, ca_file: Path) -> None:
    """Run each timer function of the app once, all at a time; returns when all have ended. Raises
    `LocalCloudError` with the app's last words when one fails.
    """
    http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=_LONGEST_RUN_S, maxsize=16)
    base = f"https://127.0.0.1:{function.port}{PATH}"
    headers = {KEY_HEADER: key}
    names = json.loads(http.request("GET", base, headers=headers).data)
    if not names:
        raise LocalCloudError(f"The app of {function.role} has no timer trigger.")

    def one(name: str) -> str:
        try:
            answer = http.request("POST", f"{base}{name}", headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return f"{name} did not end: {type(error).__name__}"
        return "" if answer.status == 204 else f"{name}: {answer.data.decode('utf-8', 'replace')}"

    with ThreadPoolExecutor(len(names)) as pool:
        problems = [problem for problem in pool.map(one, names) if problem]
    if problems:
        raise LocalCloudError(f"A run of {function.role} failed ({problems[0]}): {function.process.tail()}")
