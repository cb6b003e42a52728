"""What is measured, and against whom: one command a subject, `python -m benchmarks.<subject>`."""
