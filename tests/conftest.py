"""Loads the fixture plugins; nothing else."""

pytest_plugins = [
    "fixtures.fix_database",
    "fixtures.fix_store",
]
