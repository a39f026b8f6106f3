"""What an operator does with a twin, in the order of its life: whole sections of the documents."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from guides.deployment import documents
from guides.deployment.documents import README, Table
from twin_runtime.roles import Cloud

OPERATE = "docs/operate.md"
BROKERS: Mapping[Cloud, str] = {
    Cloud.AWS: "AWS IoT Core",
    Cloud.AZURE: "Azure IoT Hub",
    Cloud.GCP: "Google Cloud Pub/Sub",
}
"""The headings of `docs/devices.md`."""
NOT_RUN = "What has been run, and what has not"
DEPLOYERS: Mapping[Cloud, str] = {
    Cloud.AWS: "In the account, for names that begin with the twin's. `iam:PassRole` is for the roles that "
    "the stack makes, on their way to the services that take them on.",
    Cloud.AZURE: "On the subscription: the stack makes its resource group and registers resource providers. "
    "It gives the roles on data, to secrets and packages, to whoever deploys it, and waits until they hold.",
    Cloud.GCP: "On the project.",
}
"""Where the permissions of whoever deploys are meant."""
_PARTS = (
    ("deploy", "Deploy", ((OPERATE, "Deploy"),)),
    (
        "verify",
        "Verify",
        (
            (OPERATE, "Verify"),
            ("docs/wire-format.md", "Reading"),
            ("docs/wire-format.md", "Clients of the read API"),
        ),
    ),
    ("change", "Change", ((OPERATE, "Change"),)),
    ("rotate", "Rotate keys", ((OPERATE, "Rotate keys"),)),
    (
        "dead-letters",
        "Resend dead letters",
        (
            ("docs/dead-letters.md", "List, resend and delete dead letters"),
            ("docs/dead-letters.md", "Permissions"),
        ),
    ),
    (
        "restore",
        "Restore older data",
        (
            ("docs/restore.md", "Read and load older data"),
            ("docs/restore.md", "Retrieval time and cost"),
            ("docs/restore.md", "Permissions"),
        ),
    ),
    (
        "erase",
        "Delete the readings of a device",
        (
            ("docs/erase.md", "Delete the readings of a device"),
            ("docs/erase.md", "What stays"),
            ("docs/erase.md", "Permissions"),
        ),
    ),
    ("destroy", "Destroy", ((OPERATE, "Destroy"),)),
    ("expect", "What to expect", ((OPERATE, "What to expect"),)),
)
"""Id and heading in the guides, and the sections: those after the first keep their own headings."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a document. `heading` is empty where the part's own stands above it."""

    id: str
    heading: str
    blocks: tuple[Markup | Table, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the runbook; the same ids and headings for each cloud."""

    id: str
    heading: str
    sections: tuple[Section, ...]


def parts(cloud: Cloud) -> tuple[Part, ...]:
    """The runbook of a cloud."""
    return tuple(
        Part(id_, heading, tuple(_sections(id_, sections, cloud))) for id_, heading, sections in _PARTS
    )


def _sections(id_: str, sections: Iterable[tuple[str, str]], cloud: Cloud) -> Iterator[Section]:
    for number, (path, heading) in enumerate(sections):
        anchor = "-".join((id_, *re.findall("[a-z]+", heading.lower())))
        yield Section(anchor, heading if number else "", documents.section(path, heading, cloud))


def devices(cloud: Cloud) -> tuple[Markup | Table, ...]:
    """What the cloud's broker expects of a device."""
    return documents.section("docs/devices.md", BROKERS[cloud], cloud)


def services(cloud: Cloud) -> Mapping[str, Markup]:
    """What the parts of a twin are made of in the cloud, by the README's table."""
    return documents.column(README, "How data flows", documents.CLOUDS[cloud])


def not_run(cloud: Cloud) -> tuple[Markup | Table, ...]:
    """What ran in place of the cloud."""
    return documents.section(README, NOT_RUN, cloud)
