"""What is searched, and what for: secrets, markup, dependencies."""
