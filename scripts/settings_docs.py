"""What the documents say of the settings, from their one declaration."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tally_pipeline import markdown
from tally_pipeline.settings.declared import GROUPS, SETTINGS, Setting

_HEAD = (
    "Copy to .env and uncomment what you need; the defaults are shown. The environment wins over this file, but a"
    " variable that is empty there, or here, is no setting. Tally looks for .env in the working folder, then beside"
    " the project; TALLY_DOTENV, in the environment, names another. What each setting may be: docs/settings.md."
)
_PAGE = """\
# Settings

From the environment or `.env`; the environment wins. [Where `.env` and the home are looked
for](using.md#settings). This page is generated from
[the declarations](../tally_pipeline/settings/declared.py); [`.env.example`](../.env.example) has the same to copy.

A value that cannot work ends every command in one sentence and exit code 2. Secrets are never shown: in no message,
log, metadata or file.
"""
_WIDTH = 118


def env_example() -> str:
    """`.env.example`: every setting, commented out, with its default."""
    lines = [*_comment(_HEAD)]
    for group, intro in GROUPS.items():
        lines += ["", f"# --- {group} ---", *_comment(intro)]
        for one in _of(group):
            if one.in_example:
                lines += [*_comment(one.meaning), f"#{one.name}={one.example}"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/settings.md: every setting, by group."""
    parts = [_PAGE]
    for group in GROUPS:
        rows = [
            (f"`{one.name}`", _default(one), _sentence(one.form.allowed), one.meaning + _secret(one))
            for one in _of(group)
        ]
        parts.append(f"## {group}\n\n{markdown.table(('setting', 'default', 'may be', 'meaning'), rows)}\n")
    return "\n".join(parts)


def first_ones() -> str:
    """The settings that somebody new may want, for README."""
    rows = [(f"`{one.name}`", _default(one), one.meaning) for one in SETTINGS if one.is_first]
    rows.append(("`TALLY_PAGES_<LIST>`", "the list's depth", "Pages that are captured of a list, or `all`."))
    return markdown.table(("setting", "default", "meaning"), rows)


def _of(group: str) -> Iterator[Setting[object]]:
    return (one for one in SETTINGS if one.group == group)


def _default(one: Setting[object]) -> str:
    is_in_words = one.default is None and " " in one.shown_default
    return one.shown_default if is_in_words else f"`{one.shown_default}`" if one.shown_default else "none"


def _secret(one: Setting[object]) -> str:
    return " **Secret.**" if one.is_secret else ""


def _sentence(allowed: str) -> str:
    return f"{allowed[:1].upper()}{allowed[1:]}"


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for wrapped in textwrap.wrap(line, _WIDTH - 2, subsequent_indent=indent) or [""]:
            yield f"# {wrapped}"
