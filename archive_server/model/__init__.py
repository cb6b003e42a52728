"""What the archive's things are: values and rules, pure."""
