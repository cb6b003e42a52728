"""What all benchmarks stand on: rounds in alternation, reports, servers as processes."""
