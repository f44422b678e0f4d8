"""Writes the generated parts of README.md anew: what stands between a pair of `generated` comments."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tally_pipeline.catalog import dictionary

README = Path(__file__).parents[1] / "README.md"
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


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    after = generated(before)
    if "--check" in sys.argv and after != before:
        raise SystemExit("README.md is not what the contract says: run `make docs`")
    README.write_text(after, encoding="utf-8")
