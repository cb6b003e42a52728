"""What may be done with them, by whom, in which order: coroutines."""
