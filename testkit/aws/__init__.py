"""AWS on this machine: emulators, and what stands in where they are not enough."""
