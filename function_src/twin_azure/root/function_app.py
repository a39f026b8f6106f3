"""What the Functions host loads: the app of the role that this function app plays."""

from importlib import import_module

from twin_azure import settings
from twin_runtime.settings import ROLES

_role = settings.role()
if _role not in ROLES:
    raise RuntimeError(f"TWIN_ROLE must be one of {', '.join(ROLES)}, not {_role!r}.")

app = import_module(f"twin_azure.{_role}").app
