"""AWS on this machine: emulators, and stand-ins for the services that they lack."""
