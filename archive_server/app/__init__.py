"""Builds and starts everything; the only place that sees all layers."""
