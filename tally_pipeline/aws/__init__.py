"""What everything on AWS shares: its settings, one session, and what its errors mean."""
