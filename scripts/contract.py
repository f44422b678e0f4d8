"""Writes deploy/contract.json, from which Terraform makes the tables, the named queries and the alarms."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tally_pipeline.metrics.metrics import by_namespace
from tally_pipeline.query.glue import glue_contract

CONTRACT = Path(__file__).parents[1] / "deploy" / "contract.json"


def generated() -> str:
    """The file as the code has it now."""
    whole = {"generated_by": "make docs", **glue_contract(), "metrics": by_namespace()}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    text = generated()
    if "--check" in sys.argv and text != CONTRACT.read_text(encoding="utf-8"):
        raise SystemExit("deploy/contract.json is not what the contract says: run `make docs`")
    CONTRACT.write_text(text, encoding="utf-8")
