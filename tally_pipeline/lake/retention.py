"""The life of a day's objects, counted from the day that they describe, whenever they were written.

TMDB's terms allow no content to be cached for more than six months
(https://www.themoviedb.org/api-terms-of-use). S3 counts an object's age from its creation
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html): what is rebuilt on day 150 would
live to day 300. So an object that is written late gets a tag with the days that are left to it, and the bucket has a
rule for each value (deploy/storage.tf). In a folder nothing expires by itself: `tally expire` removes what is over.

Such a tag could be put on an object later as well, to make it expire early. Bronze must stay: so all of it carries
the tag from its creation, with a value that no rule names if it was written in time, and the bucket's policy refuses
any change of a tag that is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

S3_MARGIN_DAYS = 3
"""S3 rounds both ends of a life up to midnight and deletes some time after; as in deploy/storage.tf."""

TAG = "tally-days-left"
IN_TIME = "all"
"""The tag's value on bronze that was written on the day that it describes: the rule for all objects fits it."""

_BRONZE = "bronze/"
_DAY = re.compile(r"/dt=(\d{4}-\d{2}-\d{2})(?:/|$)")


class ExpiredDayError(ValueError):
    """A day is over that the lake does not keep any more: nothing of it is stored."""


@dataclass(frozen=True)
class Retention:
    """Objects expire so many `days` after their partition's day; None: they stay for ever."""

    days: int | None = None

    def first_kept(self, today: date) -> date | None:
        """The first day whose objects are still kept; None if all are."""
        return None if self.days is None else today - timedelta(days=self.days - 1)

    def tags(self, key: str, today: date, shows: str | None = None) -> Mapping[str, str]:
        """The tags of an object that is written today. Raises `ExpiredDayError` if its day is over.

        `shows` is the day of an object without one in its key: of the latest report, which is a copy of a day's.
        An object without a day in its key, or of today, needs none, for the bucket's rule for all objects fits it;
        but bronze has one for its protection.
        """
        day = day_of(key) or shows
        if self.days is None or day is None:
            return {}
        late = (today - date.fromisoformat(day)).days
        if late <= 0:
            return {TAG: IN_TIME} if key.startswith(_BRONZE) else {}
        left = self.days - late
        if left < 1:
            raise ExpiredDayError(
                f"{day} is {late} days ago, and the lake keeps {self.days}: what is stored of it would have to"
                " be removed at once. TALLY_RETENTION_DAYS says how many (on AWS Terraform's retention_days decides)"
            )
        return {TAG: str(left)}


FOR_EVER = Retention()


def day_of(key: str) -> str | None:
    """The partition's day in a key; None without one."""
    match = _DAY.search(key)
    return match[1] if match else None
