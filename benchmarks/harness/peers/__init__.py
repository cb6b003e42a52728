"""Whom we are measured against: each peer a module, its server a process."""
