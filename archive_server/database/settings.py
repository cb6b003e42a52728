"""How the embedded PostgreSQL is set up, and why."""

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def settings(memory_mb: int) -> dict[str, str]:
    """The settings for a machine with this much memory, by their names.

    They are given on the command line of every start, so that a new version of ours may choose
    others; what an administrator writes into postgresql.conf counts for everything not named here.
    """
    return {
        # Nobody but us talks to it, and only over the socket in its private directory.
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        # Modest: audio is what the machine's page cache should hold.
        "shared_buffers": f"{_between(64, memory_mb // 8, 1024)}MB",
        "effective_cache_size": f"{_between(128, memory_mb // 2, 16384)}MB",
        # Counting a common word among a million clips sorts or hashes that much.
        "work_mem": f"{_between(4, memory_mb // 64, 64)}MB",
        "maintenance_work_mem": f"{_between(32, memory_mb // 32, 256)}MB",
        # Solid state disks, or everything in memory: the planner shall not shun indexes.
        "random_page_cost": "1.1",
        # Compiling takes longer than our queries do.
        "jit": "off",
        # A search that has to look at everything takes two cores, if there are two: looking for two
        # characters in a million titles 60 ms instead of 100. All searches together take one more
        # than they are, and none waits for it. What the two share is set apart at the start, since
        # containers have little /dev/shm.
        "max_parallel_workers": "1",
        "max_parallel_workers_per_gather": str(min(1, cores() - 1)),
        "min_dynamic_shared_memory": "16MB",
        # An answered call is on the disk.
        "synchronous_commit": "on",
        # The log is for the server's own troubles. Statements hold tokens and people's texts.
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "lc_messages": "C",
        "cluster_name": "archive",
    }


def memory_mb() -> int:
    """The memory of this machine, or of the container if that has less."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = int(_CGROUP_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no cgroup, or "max"
        limit = machine
    return min(machine, limit) // 2**20


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
