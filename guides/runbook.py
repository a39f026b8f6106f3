"""What an operator does with a twin, step by step and in the order of its life."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from guides import documents, words
from twin_runtime.roles import Cloud
from twinspan import outputs
from twinspan.topology import Topology

README = "README.md"
DEPLOY = "npx cdktf deploy --skip-synth '*'"
NAMES = words.CLOUDS
BROKERS: Mapping[Cloud, str] = {
    Cloud.AWS: "AWS IoT Core",
    Cloud.AZURE: "Azure IoT Hub",
    Cloud.GCP: "Google Cloud Pub/Sub",
}
"""The headings of `docs/devices.md`."""
FILES: Mapping[Cloud, str] = {
    Cloud.AWS: "S3 Glacier Deep Archive",
    Cloud.AZURE: "Azure Archive",
    Cloud.GCP: "Cloud Storage Archive",
}
"""The rows of `docs/restore.md`."""


@dataclass(frozen=True, slots=True)
class Step:
    """A sentence or two, in which backticks mark code; the commands that do it; rows of a document."""

    text: str | Markup
    commands: tuple[str, ...] = ()
    said: Mapping[str, Markup] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the runbook; the same ids and headings for each cloud."""

    id: str
    heading: str
    steps: tuple[Step, ...]


def parts(cloud: Cloud, topology: Topology) -> tuple[Part, ...]:
    """The runbook of a cloud, for the twin that is all in it."""
    return (
        Part("deploy", "Deploy", _deploy(cloud)),
        Part("verify", "Verify", _verify(cloud, topology)),
        Part("rotate", "Rotate keys", _rotate()),
        Part("dead-letters", "Resend dead letters", _dead_letters(cloud)),
        Part("restore", "Restore older data", _restore(cloud)),
        Part("destroy", "Destroy", _destroy(cloud)),
    )


def devices(cloud: Cloud) -> Step:
    """What the cloud's broker expects of a device."""
    where = ("docs/devices.md", BROKERS[cloud])
    return Step(documents.prose(*where), said={str(row[0]): row[1] for row in documents.table(*where)[1:]})


def services(cloud: Cloud) -> Mapping[str, Markup]:
    """What the parts of a twin are made of in the cloud, by the README's table."""
    header, *rows = documents.table(README, "How data flows")
    column = [str(name) for name in header].index(NAMES[cloud])
    return {str(row[0]): row[column] for row in rows}


DEPLOYERS: Mapping[Cloud, str] = {
    Cloud.AWS: "In the account, for names that begin with the twin's. `iam:PassRole` is for the roles that "
    "the stack makes, on their way to the services that take them on.",
    Cloud.AZURE: "On the subscription: the stack makes its resource group and registers resource providers. "
    "It gives the roles on data, to secrets and packages, to whoever deploys it, and waits until they hold.",
    Cloud.GCP: "On the project.",
}
"""Where the permissions of whoever deploys are meant."""


def _deploy(cloud: Cloud) -> tuple[Step, ...]:
    return (
        Step(
            "Turn `twin.yaml` into Terraform, and review what the summary counts.",
            ("make synth TWIN=path/to/twin.yaml",),
        ),
        Step(documents.paragraph(README, "Deploy", "Credentials are")),
        Step(
            f"Deploy every stack. A twin that is all in {NAMES[cloud]} has one; one that crosses clouds has "
            "a stack per cloud and then `links`.",
            (DEPLOY,),
        ),
        Step(documents.paragraph(README, "Deploy", "A stack per cloud")),
        Step(
            documents.paragraph(README, "Deploy", "Events:"),
            (f"TF_VAR_enable_events=false {DEPLOY}",),
        ),
        Step(documents.paragraph(README, "Deploy", "Notifications:")),
        Step(documents.paragraph(README, "Deploy", "Grafana:")),
    )


def _verify(cloud: Cloud, topology: Topology) -> tuple[Step, ...]:
    receivers = ", ".join(f"`{outputs.url(role)}`" for role in topology.receivers_in(cloud))
    return (
        Step(
            "Before the cloud: the same functions, from the same packages, on one machine.",
            ("make demo TWIN=path/to/twin.yaml",),
        ),
        Step(
            f"After it: the outputs of the stack, in `cdktf.out/stacks/{cloud}`. The read endpoints are "
            f"{receivers}, each with a key whose output ends in `_api_key`.",
            ("terraform output -json",),
        ),
        Step(
            "Send what the device types describe, to the real broker.",
            ("python -m simulator --endpoint endpoint.json --rate 5",),
        ),
        Step(documents.paragraph("docs/wire-format.md", "Reading", "`GET <telemetry_api_url>")),
        Step("There must be no dead letters.", ("python -m operations dead-letters list",)),
    )


def _rotate() -> tuple[Step, ...]:
    return (
        Step(documents.paragraph(README, "Deploy", "Keys:")),
        Step(
            "From the first generation to the second, in every stack at once.",
            (f"TF_VAR_key_generation=2 {DEPLOY}",),
        ),
    )


def _dead_letters(cloud: Cloud) -> tuple[Step, ...]:
    return (
        Step(
            documents.paragraph(
                "docs/dead-letters.md", "List and resend dead letters", "A message that a hop"
            )
        ),
        Step(
            "List, check, resend.",
            (
                "python -m operations dead-letters list",
                "python -m operations dead-letters resend --hop processing --device thermostat-1 --dry-run",
                "python -m operations dead-letters resend --hop processing --all",
            ),
        ),
        Step(
            f"What the operator may do on {NAMES[cloud]}:",
            said=documents.row("docs/dead-letters.md", "Permissions", NAMES[cloud]),
        ),
    )


def _restore(cloud: Cloud) -> tuple[Step, ...]:
    return (
        Step(
            documents.paragraph(
                "docs/restore.md",
                "Read and load older data",
                "Data that has left the hot store",
            )
        ),
        Step(
            "List first: `list` prints the number of files and bytes of a range, and retrieves nothing.",
            (
                "python -m operations restore list --device thermostat-1 --from 2026-01-31T00:00:00Z "
                "--to 2026-02-02T00:00:00Z",
                "python -m operations restore rows --device thermostat-1 --from 400d --to 370d "
                "> events.jsonl",
                "python -m operations restore load --device thermostat-1 --from 400d --to 370d --days 7",
            ),
        ),
        Step(
            f"{FILES[cloud]}:",
            said=documents.row("docs/restore.md", "Retrieval time and cost", FILES[cloud]),
        ),
        Step(
            f"What the operator may do on {NAMES[cloud]}:",
            said=documents.row("docs/restore.md", "Permissions", NAMES[cloud]),
        ),
    )


def _destroy(cloud: Cloud) -> tuple[Step, ...]:
    return (
        Step(
            documents.paragraph(README, _EXPECT, "`npx cdktf destroy --skip-synth '*'` deletes"),
            ("npx cdktf destroy --skip-synth '*'",),
        ),
        *(Step(documents.paragraph(*where)) for where in _DESTROYING[cloud]),
    )


_EXPECT = "What has been run, and what has not"
_DESTROYING: Mapping[Cloud, tuple[tuple[str, str, str], ...]] = {
    Cloud.AWS: (
        (README, _EXPECT, "AWS refuses `cdktf destroy`"),
        (README, _EXPECT, "A twin on AWS stays"),
        ("docs/twin-graph.md", "Who writes it", "`cdktf destroy` has"),
    ),
    Cloud.AZURE: (),
    Cloud.GCP: (),
}
