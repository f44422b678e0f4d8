from __future__ import annotations

import pytest

from tally_pipeline.plurals import counted, noun


@pytest.mark.parametrize(("number", "said"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (11, "11 days")])
def test_one_is_one_and_all_else_are_many(number: int, said: str) -> None:
    assert counted(number, "day") == said
    assert said.endswith(noun(number, "day"))


def test_what_takes_more_than_an_s_is_given() -> None:
    assert counted(1, "genre is", "genres are") == "1 genre is"
    assert counted(2, "genre is", "genres are") == "2 genres are"
