"""Loads the fixture plugins, and takes Ctrl-C as a terminal's programs do."""

import signal

pytest_plugins = [
    "fixtures.fix_database",
    "fixtures.fix_store",
    "fixtures.fix_services",
    "fixtures.fix_http",
    "fixtures.fix_server",
    "fixtures.fix_mounts",
]

# A shell lets what it runs in the background ignore SIGINT, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
