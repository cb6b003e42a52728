"""What `resetStorage` fills an archive for tests with. All of it was made for that."""
