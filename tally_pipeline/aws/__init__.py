"""The parts that everything on AWS shares: settings, one session, the meaning of errors."""
