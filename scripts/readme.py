"""Writes what is generated of the documents anew: README's parts between a pair of `generated` comments, the data
dictionary, the page of settings and `.env.example`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from scripts import settings_docs
from tally_pipeline import gold, markdown
from tally_pipeline.query import dictionary
from tally_pipeline.tmdb.lists import LISTS

README = Path(__file__).parents[1] / "README.md"
DICTIONARY = README.parent / "docs" / "data-dictionary.md"
SETTINGS_PAGE = README.parent / "docs" / "settings.md"
ENV_EXAMPLE = README.parent / ".env.example"


def lists_table() -> str:
    """The lists, what they are, and how deep they are captured by default."""
    rows = [(f"`{one.name}`", one.description, str(one.depth or "to the end")) for one in LISTS]
    return markdown.table(("list", "what it is", "pages"), rows)


PARTS = {"lists": lists_table, "settings": settings_docs.first_ones}


def generated(text: str) -> str:
    """`text` with its generated parts as the code has them now."""
    for name, part in PARTS.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no part between '{begin}' and '{end}'")
        body = f"{begin}\n{part()}\n{end}"
        text = pattern.sub(lambda _, body=body: body, text)
    return text


def data_dictionary() -> str:
    """Every table, then what the tables do not say: where columns come from, what rejects a row, what gold is of."""
    windows = markdown.table(
        ("table", "made from"), [(f"`{table.sql_name}`", table.window) for table in gold.TABLES]
    )
    return "\n\n".join(
        [
            dictionary.every_table().rstrip("\n"),
            "## Where the columns of `silver_shows` come from\n\n" + dictionary.columns_table(),
            "## What rejects a row\n\nA row goes to quarantine, with its raw text and every reason, when it breaks a"
            " rule.\n\n" + dictionary.rules_table(),
            f"## What gold is made from\n\n{windows}\n",
        ]
    )


def documents() -> dict[Path, str]:
    """What every document should say."""
    return {
        README: generated(README.read_text(encoding="utf-8")),
        DICTIONARY: data_dictionary(),
        SETTINGS_PAGE: settings_docs.page(),
        ENV_EXAMPLE: settings_docs.env_example(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path.name} is not what the contract says: run `make docs`")
