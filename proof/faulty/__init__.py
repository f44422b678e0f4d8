"""What the other side does wrong, by side."""
