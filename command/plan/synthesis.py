"""Synthesizes the selected twin into the output folder."""

from __future__ import annotations

from command.session import Session
from stacks import build
from twinspan.loading import quick
from twinspan.topology import Topology
from twinspan.twinfile import checked, record


def synthesize(session: Session, *, left_links: bool = False) -> None:
    """Write the Terraform of the twin; `left_links`: with an empty stack `links`, if the twin has no links
    any more. Raises `ConfigErrors` and `WrongTwin`.
    """
    config = session.config
    if any(device_type.requirements for device_type in config.device_types.values()):
        config = checked(session.deployed_file(), fetch=True)
    early = quick.Early()
    early.use(Topology.of(config).clouds)
    build.synthesize(config, session.out, ready=early.wait, left_links=left_links)
    record(session.deployed_file(), out=session.out)
