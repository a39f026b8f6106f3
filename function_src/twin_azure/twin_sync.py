"""twin_sync: its function app, called by the clock, and by the hot store with its changes where that is in
Azure too.
"""

from twin_runtime import assembly

from . import settings
from .changes import add_changes
from .triggers import Once, timer_app

_sync = Once("twin_sync", assembly.twin_sync)
app = timer_app("twin_sync", _sync)
if settings.has_changes():
    add_changes(app, _sync)
