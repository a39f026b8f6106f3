"""What the functions framework loads: the entry point of the role that TWIN_ROLE names."""

from twin_gcp.entry import handler_of
from twin_runtime.settings import role_of

handle = handler_of(role_of())
