"""Names of cloud resources, and the limits that the clouds set on them.

A name is the twin's name and what the thing is: `factory-dispatcher`, `factory-processing-dead`. Where a name
must be unique in the world, a short hash of the account and the twin's name follows: the same on every
machine, so nothing random ever renames a resource. A twin's name that would break a limit is refused before
anything is built.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from twin_runtime.roles import Cloud
from twinspan.config import Config

UNIQUE_LENGTH = 6


@dataclass(frozen=True, slots=True)
class NameRule:
    """The rule of a cloud for the names of one resource type."""

    resource: str
    """Terraform type, such as `aws_lambda_function`."""
    what: str
    """What a person calls it, such as `Lambda function`."""
    minimum: int
    maximum: int
    pattern: str
    """Regular expression that the whole name matches."""
    source: str
    """Where the rule stands: page of the cloud's or the provider's documentation."""
    attribute: str = "name"

    def problem(self, name: str) -> str | None:
        """Why the name is refused; None when it is fine."""
        if len(name) > self.maximum:
            return f"{self.what} name {name!r} has {len(name)} characters, of at most {self.maximum}"
        if len(name) < self.minimum:
            return f"{self.what} name {name!r} has {len(name)} characters, of at least {self.minimum}"
        if not re.fullmatch(self.pattern, name):
            return f"{self.what} name {name!r} does not match {self.pattern}"
        return None


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one twin's resources."""

    twin: str
    accounts: tuple[tuple[Cloud, str], ...] = ()
    """What distinguishes deployments of the same twin name, per cloud: subscription, project, region."""

    @classmethod
    def of(cls, config: Config) -> "Names":
        clouds = config.clouds
        accounts = []
        if clouds.aws:
            accounts.append((Cloud.AWS, clouds.aws.region))
        if clouds.azure:
            accounts.append((Cloud.AZURE, f"{clouds.azure.subscription_id}/{clouds.azure.location}"))
        if clouds.gcp:
            accounts.append((Cloud.GCP, f"{clouds.gcp.project}/{clouds.gcp.region}"))
        return cls(config.name, tuple(accounts))

    def name(self, *words: str) -> str:
        """`factory-event-checker` from `event_checker`."""
        return "-".join((self.twin, *words)).replace("_", "-")

    def unique(self, cloud: Cloud) -> str:
        """Six hexadecimal digits for names that must be unique in the world."""
        account = dict(self.accounts)[cloud]
        return hashlib.sha256(f"{account}/{self.twin}".encode()).hexdigest()[:UNIQUE_LENGTH]

    def region(self, cloud: Cloud) -> str:
        """The region that the twin uses of a cloud."""
        return dict(self.accounts)[cloud].rpartition("/")[2]

    def compact(self, cloud: Cloud) -> str:
        """`factory3f9a01`: the twin's name without hyphens and the unique digits, for Azure's storage
        accounts.
        """
        return self.twin.replace("-", "") + self.unique(cloud)


def longest(rules: Iterable[NameRule], planned: Iterable[tuple[str, str]]) -> list[tuple[NameRule, str]]:
    """Each rule with the longest planned name that it is for."""
    found: dict[str, str] = {}
    for resource, name in planned:
        if len(name) > len(found.get(resource, "")):
            found[resource] = name
    return [(rule, found[rule.resource]) for rule in rules if rule.resource in found]
