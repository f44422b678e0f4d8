"""Stand-ins for what AWS does and no emulator does, so that the whole of AWS can be tried on one machine."""
