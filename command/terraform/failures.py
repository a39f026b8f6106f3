"""What Terraform and its providers say when they fail, as one sentence with the next step. Pure.

The patterns are texts of Terraform 1.11 and of the providers that the stacks pin;
`tests/command/test_failures.py` has them whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_LONGEST = 400


@dataclass(frozen=True)
class Diagnostic:
    """An error of Terraform's: what it is, the details, and the address of what it is about."""

    summary: str
    detail: str = ""
    address: str | None = None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """From the object `diagnostic` of a line of Terraform's JSON output."""
        return cls(document["summary"], document.get("detail", ""), document.get("address"))

    @property
    def text(self) -> str:
        """Summary and detail on one line."""
        return " ".join(f"{self.summary} {self.detail}".split())


@dataclass(frozen=True)
class Failure:
    """Where Terraform failed: `stack`, its folder, and what it said, the causes first."""

    stack: str
    folder: Path
    diagnostics: Sequence[Diagnostic]


_Sentence = Callable[[Failure, Diagnostic, re.Match[str]], str]

PREVENTED = "Instance cannot be destroyed"
"""The summary of each diagnostic about a resource with `prevent_destroy`."""
_HALF_APPLIED = (
    r"already exists|AlreadyExists|already owned by you|BucketAlreadyOwnedByYou|ResourceInUseException"
    r"|Error 409: .*in use"
)


def _login(command: str) -> _Sentence:
    return lambda failure, _, __: (
        f"Stack {failure.stack}: no login was found. Run {command}, then run the command again."
    )


def _wrong_account(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: the login is for AWS account {match['account']}, which is not "
        "clouds.aws.account_id. Log in to the account in twin.yaml, then run the command again."
    )


def _elsewhere(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: the twin is deployed in account {match['account']}, region "
        f"{match['region']}. Write that region and account into twin.yaml. To move the twin, destroy it "
        "there first."
    )


def _locked(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: its state is locked by {match['who']} since {match['created']}. Wait until "
        f"that run has ended. If it died, run terraform -chdir={failure.folder} force-unlock {match['id']}"
    )


def _lock_refused(failure: Failure, diagnostic: Diagnostic, _: re.Match[str]) -> str:
    return f"Stack {failure.stack}: its state could not be locked. {_trimmed(diagnostic.detail)}"


def _stale(failure: Failure, _: Diagnostic, __: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: its state has changed since the plan was made. Run twinspan plan again, "
        "then twinspan deploy."
    )


def _prevented(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: {match['address']} is protected, and the plan would delete it. "
        "Run twinspan plan, which names the store and what allows its deletion. If an interrupted apply has "
        f"left it tainted, keep it with terraform -chdir={failure.folder} untaint '{match['address']}'"
    )


def _moved_state(failure: Failure, _: Diagnostic, __: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: its state was kept in another place. To take it along, run "
        f"terraform -chdir={failure.folder} init -migrate-state, then run the command again."
    )


def _network(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: the network failed ({match[0]}). Check the connection, then run twinspan "
        "plan and twinspan deploy again: they go on where this run stopped."
    )


def _half_applied(failure: Failure, diagnostic: Diagnostic, _: re.Match[str]) -> str:
    what = diagnostic.address or "a resource"
    return (
        f"Stack {failure.stack}: {what} exists in the cloud, but not in the state: an earlier run was cut "
        f"short. Import it with terraform -chdir={failure.folder} import '{what}' <id>, or delete it in the "
        f"cloud; then run twinspan plan. The provider says: {_trimmed(diagnostic.text)}"
    )


def _too_old(failure: Failure, _: Diagnostic, __: re.Match[str]) -> str:
    return f"Stack {failure.stack}: this Terraform is too old. Install Terraform 1.11 or newer."


def _no_provider(failure: Failure, _: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: the provider {match['provider']} could not be installed. Check the "
        "connection to the registry, or the mirror that the Terraform command line configuration names."
    )


def _locked_scope(failure: Failure, diagnostic: Diagnostic, match: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: Azure refuses to delete {diagnostic.address or 'a resource'}, because a "
        f"management lock protects {match['scope']}. Remove that lock if Twinspan did not create it, then "
        "run the command again."
    )


def _not_allowed(failure: Failure, diagnostic: Diagnostic, _: re.Match[str]) -> str:
    return (
        f"Stack {failure.stack}: the login may not do this. Give it the permissions in the deployment guide. "
        f"The provider says: {_trimmed(diagnostic.text)}"
    )


_RULES: Sequence[tuple[str, _Sentence]] = (
    (rf"^{PREVENTED}.*Resource (?P<address>\S+) has lifecycle\.prevent_destroy", _prevented),
    (r"Saved plan is stale", _stale),
    (
        r"Error acquiring the state lock.*?ID: +(?P<id>\S+).*?Who: +(?P<who>\S+).*?Created: +"
        r"(?P<created>\S+ [\d:]+)",
        _locked,
    ),
    (r"Error acquiring the state lock", _lock_refused),
    (r"Backend configuration changed|Backend configuration block has changed", _moved_state),
    (r"Unsupported Terraform Core version", _too_old),
    (
        r"(?:Failed to query available provider packages|Failed to install provider)"
        r".*?provider (?P<provider>[\w./-]+)",
        _no_provider,
    ),
    (r"AWS account ID not allowed: (?P<account>\d+)", _wrong_account),
    (
        r"This twin is deployed in account (?P<account>\S+?), region (?P<region>\S+?)\. ",
        _elsewhere,
    ),
    (
        r"dial tcp|no such host|connection refused|connection reset by peer|i/o timeout"
        r"|network is unreachable|TLS handshake timeout|context deadline exceeded",
        _network,
    ),
    (
        r"No valid credential sources|ExpiredToken|SSO session (?:has|is) expired",
        _login("aws sso login, or set AWS_PROFILE"),
    ),
    (
        r"could not configure AzureCli Authorizer|unable to build authorizer|building account: ",
        _login("az login"),
    ),
    (
        r"could not find default credentials|No credentials loaded|invalid_grant|oauth2: .*token expired",
        _login("gcloud auth application-default login"),
    ),
    (r"ScopeLocked.*scope\(s\) are locked: '(?P<scope>[^']+)'", _locked_scope),
    (_HALF_APPLIED, _half_applied),
    (r"AccessDenied|AuthorizationFailed|Error 403", _not_allowed),
)


def explain(failure: Failure) -> str:
    """What failed, and the next step. What has no rule is Terraform's own summary, trimmed."""
    for pattern, sentence in _RULES:
        for diagnostic in failure.diagnostics:
            if match := re.search(pattern, diagnostic.text):
                return sentence(failure, diagnostic, match)
    if not failure.diagnostics:
        return f"Stack {failure.stack}: Terraform failed without a message. Run it in {failure.folder}."
    first = failure.diagnostics[0]
    about = f"{first.address}: " if first.address and first.address not in first.summary else ""
    more = len(failure.diagnostics) - 1
    rest = f" ({more} more error{'s' if more > 1 else ''})" if more else ""
    return f"Stack {failure.stack}: {about}{_trimmed(first.text)}{rest}"


def prevented(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether `prevent_destroy` is all that stopped a plan."""
    return bool(diagnostics) and all(each.summary == PREVENTED for each in diagnostics)


def _trimmed(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
