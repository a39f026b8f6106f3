"""What the Functions host loads: the app of the role that this function app plays."""

from twin_azure.entry import app_of
from twin_runtime.settings import role_of

app = app_of(role_of())
