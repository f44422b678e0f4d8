"""Tally's commands in processes that can be killed, stopped and looked at."""
