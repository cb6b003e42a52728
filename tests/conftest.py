"""Loads the fixture plugins; nothing else."""

pytest_plugins = [
    "fixtures.fix_database",
    "fixtures.fix_store",
    "fixtures.fix_services",
    "fixtures.fix_http",
    "fixtures.fix_server",
]
