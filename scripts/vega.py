"""Writes tally_pipeline/report/vega/vega-embed.js, the runtime of the report's charts, from vl-convert-python.

Bundling takes a second and the package 84 MB, for text that is always the same: so it is done here, once a version.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import vl_convert

RUNTIME = Path(__file__).parents[1] / "tally_pipeline" / "report" / "vega" / "vega-embed.js"


def generated() -> str:
    """The file as the installed package makes it: JavaScript that defines `window.vegaEmbed`."""
    head = f"// Made by `make docs` with vl-convert-python {version('vl-convert-python')}; licences in LICENSE.\n"
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # The same property by its name: after a dot, who searches the project for paths takes it for a hidden folder.
    return head + re.sub(r"(?<![?.])\.(library)\b", r'["\1"]', bundle) + "\n"


if __name__ == "__main__":
    text = generated()
    if "--check" in sys.argv and text != RUNTIME.read_text(encoding="utf-8"):
        raise SystemExit(f"{RUNTIME.name} is not what vl-convert-python makes: run `make docs`")
    RUNTIME.write_text(text, encoding="utf-8")
