"""The changes that faults make to a reply. `FAULTS` in catalogue.py has their descriptions and options."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tally_pipeline import clock
from tally_pipeline.tmdb.lists import MAX_PAGES, ROWS_PER_PAGE
from tally_pipeline.tmdb.sandbox.faults import bad_exports
from tally_pipeline.tmdb.sandbox.faults.bad_rows import DEFECTS
from tally_pipeline.tmdb.sandbox.faults.kinds import Options, Request
from tally_pipeline.tmdb.sandbox.faults.page_edits import edited, rows_of, with_each_row, with_rows
from tally_pipeline.tmdb.sandbox.replies import Reply, error, html, http_date, no_file


def rate_limited(reply: Reply, request: Request, options: Options) -> Reply:
    return error(25, headers={"Retry-After": f"{options['seconds']:g}"})


def rate_limited_date(reply: Reply, request: Request, options: Options) -> Reply:
    now = clock.now()
    headers = {"Date": http_date(now), "Retry-After": http_date(now + timedelta(seconds=options["seconds"]))}
    return error(25, headers=headers)


def error_reply(reply: Reply, request: Request, options: Options) -> Reply:
    return error(options["code"], status=options["status"] or None)


def web_page(reply: Reply, request: Request, options: Options) -> Reply:
    return html(options["status"])


def late(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, delay=options["seconds"])


def slow(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, spread=options["seconds"])


def reset(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, ending="reset")


def truncated(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, ending="cut")


def wrong_length(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, declared=max(0, len(reply.body) - options["bytes"]))


def missing_export(reply: Reply, request: Request, options: Options) -> Reply:
    return no_file()


def broken_gzip(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.broken_gzip(reply.body))


def bad_lines(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.bad_lines(reply.body, options["count"]))


def fewer_lines(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.fewer_lines(reply.body, options["share"]))


def truncated_json(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def wrong_page(reply: Reply, request: Request, options: Options) -> Reply:
    return request.reply_for(request.page + 1 if request.page < MAX_PAGES else 1)


def empty(reply: Reply, request: Request, options: Options) -> Reply:
    return edited(reply, lambda page: {**page, "results": [], "total_pages": 0, "total_results": 0})


def empty_page(reply: Reply, request: Request, options: Options) -> Reply:
    return with_rows(reply, lambda rows: [])


def same_rows(reply: Reply, request: Request, options: Options) -> Reply:
    return with_rows(reply, lambda rows: rows_of(request.reply_for(1)) or rows)


def repeats(reply: Reply, request: Request, options: Options) -> Reply:
    if request.page == 1:
        return reply
    before = rows_of(request.reply_for(request.page - 1))
    count = min(options["count"], len(before))
    return with_rows(reply, lambda rows: [*before[len(before) - count :], *rows[count:]])


def wrong_totals(reply: Reply, request: Request, options: Options) -> Reply:
    pages = options["pages_told"]
    totals = {"total_pages": pages, "total_results": pages * ROWS_PER_PAGE}
    return edited(reply, lambda page: {**page, **totals})


def bad_rows(reply: Reply, request: Request, options: Options) -> Reply:
    defects = [options["defect"]] if options["defect"] else list(DEFECTS)

    def spoil(rows: list[Any]) -> list[Any]:
        bad = min(len(rows), options["count"] or math.ceil(options["share"] * len(rows)))
        spoiled = list(rows)
        for turn in range(bad):
            place = turn * len(rows) // bad
            if isinstance(rows[place], dict):
                defect = DEFECTS[defects[((request.page - 1) * bad + turn) % len(defects)]]
                spoiled[place] = defect(rows[place])
        return spoiled

    return with_rows(reply, spoil)


def new_field(reply: Reply, request: Request, options: Options) -> Reply:
    return with_each_row(reply, lambda row: {**row, options["field"]: "wobbly"})


def lost_field(reply: Reply, request: Request, options: Options) -> Reply:
    return with_each_row(
        reply, lambda row: {name: value for name, value in row.items() if name != options["field"]}
    )


def retyped_field(reply: Reply, request: Request, options: Options) -> Reply:
    name = options["field"]
    return with_each_row(reply, lambda row: {**row, name: str(row[name])} if name in row else row)
