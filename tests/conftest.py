"""Loads the fixture plugins, and says how signals and examples are taken."""

import signal

from hypothesis import HealthCheck, settings

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

# No example has to be quick: the machine may be busy. What fixtures give to a property test is made
# once for all its examples, which such tests are written for.
settings.register_profile(
    "archive",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("archive")
