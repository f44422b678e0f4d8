"""Stand-ins for the parts of AWS that no emulator has, so that all of AWS can be tried on one machine."""
