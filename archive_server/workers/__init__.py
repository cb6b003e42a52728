"""What runs without a caller."""
