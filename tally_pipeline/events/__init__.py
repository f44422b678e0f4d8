"""What viewers do: the contract of their events, the door that takes them in, and their lines in bronze. Pure."""
