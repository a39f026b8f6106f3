"""How dashboards are called: titles for people, uids for addresses."""

import hashlib

LONGEST_UID = 40
"""Maximum length of a uid of letters, digits, '-' and '_' (Grafana: util.MaxUIDLength and its pattern)."""
FLEET = "fleet"
OPERATIONS = "operations"


def uid(twin: str, *words: str) -> str:
    """Return a uid such as `factory-type-thermostat`.

    A uid that is too long or has capitals ends in a hash, since some of Grafana's databases ignore case.
    """
    whole = "-".join((twin, *words))
    if len(whole) <= LONGEST_UID and whole == whole.lower():
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole.lower()[: LONGEST_UID - len(digest) - 1]}-{digest}"


def type_uid(twin: str, device_type: str) -> str:
    return uid(twin, "type", device_type)
