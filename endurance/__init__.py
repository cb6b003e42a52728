"""What the archive has to outlast: crashes at random moments, and long days; one command each."""
