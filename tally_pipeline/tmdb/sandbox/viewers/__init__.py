"""Invented viewers of the sandbox's shows, and the requests that their apps send.

A viewer is a number from 0 on. Everything follows from the seed, that number and the day: any day costs the same, and
is the same however many days are asked for. Viewers come and go; whoever leaves makes room for another.
"""

from __future__ import annotations

from tally_pipeline.tmdb.sandbox.viewers.sending import Sent, requests_of

__all__ = ["Sent", "requests_of"]
