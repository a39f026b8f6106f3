"""What all tests share: the loaders must act before any test imports a binding."""

import twinspan.providers  # noqa: F401
