"""Writes what is generated of the documents anew: README's parts between a pair of `generated` comments, and the data
dictionary."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tally_pipeline.query import dictionary

README = Path(__file__).parents[1] / "README.md"
DICTIONARY = README.parent / "docs" / "data-dictionary.md"
PARTS = {
    "columns": dictionary.columns_table,
    "rules": dictionary.rules_table,
    "gold": dictionary.gold_tables,
}


def generated(text: str) -> str:
    """`text` with its generated parts as the contract has them now."""
    for name, part in PARTS.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no part between '{begin}' and '{end}'")
        body = f"{begin}\n{part()}\n{end}"
        text = pattern.sub(lambda _, body=body: body, text)
    return text


def documents() -> dict[Path, str]:
    """What every document should say."""
    return {
        README: generated(README.read_text(encoding="utf-8")),
        DICTIONARY: dictionary.every_table(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path.name} is not what the contract says: run `make docs`")
