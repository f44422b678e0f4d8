"""The sandbox's invented viewers: who they are, what they do on a day, and the requests their apps send. Pure.

All follows from the seed by hashes and `random.Random`, whose numbers are the same in every process and version.
"""

from __future__ import annotations

from tally_pipeline.events.invented.people import Shelf, Title
from tally_pipeline.events.invented.traffic import BLOCK, Fate, Sent, days_of, sent_at, shard_of

__all__ = ["BLOCK", "Fate", "Sent", "Shelf", "Title", "days_of", "sent_at", "shard_of"]
