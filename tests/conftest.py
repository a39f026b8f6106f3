"""What all tests share: the loaders must act before any test imports a binding, and Ctrl-C must end what they
start.
"""

import signal

import twinspan.providers  # noqa: F401

# A shell lets what it runs in the background ignore Ctrl-C, and all that this starts inherits it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
