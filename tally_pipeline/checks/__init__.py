"""What a check and a finding are, and what stops publishing."""
