"""The demonstration: starts a twin, shows it in three acts, and stops it or leaves it running."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from pathlib import Path

from local_cloud.cloud import LocalCloud, Options
from local_cloud.demo import acts
from local_cloud.demo.outcome import Outcome
from local_cloud.demo.reload import Reload
from local_cloud.demo.screen import Screen
from local_cloud.hops import Watch
from local_cloud.operator import Operator
from local_cloud.reader import Reader
from simulator import endpoint
from simulator.fleet import Fleet
from stacks import summary
from twinspan.config import Config
from twinspan.topology import Topology

HASTEN = 30.0
"""Retry delays are 30 times shorter than in the cloud."""


class Demo:
    """One demonstration of a twin; `folder` is for scratch files, `screen` for what it shows."""

    def __init__(self, config: Config, twin_file: Path, *, folder: Path, screen: Screen) -> None:
        self._config = config
        self._twin_file = twin_file
        self._folder = folder
        self._screen = screen

    def go(self, out: Path, synthesized: Future[None], *, keep: bool) -> tuple[Outcome, bool]:
        """Show everything; return the counts of `acts.many`, and whether nothing was lost. `out` has the
        stacks once `synthesized` is done. `keep` waits for Ctrl-C at the end.
        """
        synthesized.result()
        self._screen.step("synthesized")
        options = Options(hasten=HASTEN)
        with LocalCloud(out, folder=self._folder, options=options, progress=self._screen.step) as twin:
            twin.up()
            document = self._folder / "endpoint.json"
            document.write_text(json.dumps(twin.endpoint, indent=1), "utf-8")
            watch = Watch(twin.log_lines)
            try:
                stage = self._stage(twin, endpoint.read(document), watch)
                acts.one_event(stage)
                acts.one_rule(stage)
                counts, good = acts.many(stage)
                acts.complaints(stage)
            finally:
                watch.close()
            self._screen.title("Done")
            if keep:
                self._keep(stage, document)
        return counts, good

    def _stage(self, twin: LocalCloud, broker: endpoint.Endpoint, watch: Watch) -> acts.Stage:
        roles = Topology.of(self._config).roles
        return acts.Stage(
            config=self._config,
            screen=self._screen,
            twin=twin,
            fleet=Fleet.of(self._config),
            broker=broker,
            reader=Reader.of(twin.outputs, trust=twin.trust),
            watch=watch,
            operator=Operator.of(twin, self._twin_file, self._folder),
            where={str(role): acts.NAMES[cloud] for role, cloud in roles.items()},
            record=self._folder / "sent.jsonl",
        )

    def _keep(self, stage: acts.Stage, document: Path) -> None:
        line, operator, outputs = self._screen.line, stage.operator, stage.twin.outputs
        self._screen.title("It runs until Ctrl-C. Commands to try:")
        program, files = summary.program(), " ".join(operator.files())
        line(f"{program} simulate --endpoint {document} --twin {self._twin_file} --rate 5")
        line(
            f"curl --cacert {stage.twin.trust} -H 'x-api-key: {outputs['telemetry_api_key']}' "
            f"'{outputs['telemetry_api_url']}?device={stage.fleet.devices[0].id}&latest=true'"
        )
        environment = {"CDKTF_OUTDIR": self._folder / "cdktf.out", **operator.environment}
        given = " ".join(f"{name}={value}" for name, value in environment.items())
        line(f"{given} {program} status {files}")
        line(f"{given} {program} dead-letters list {files}")
        line(f"logs: {self._folder / 'logs'}")
        reload = Reload(self._config, stage.twin, folder=self._folder / "reload", screen=self._screen)
        if names := reload.files:
            line(f"save {' or '.join(names)}: the processor takes it up")
            reload.run()
        threading.Event().wait()
