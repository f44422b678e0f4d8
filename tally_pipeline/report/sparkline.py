"""A line the size of a word: the last weeks of one show or genre, with its gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from markupsafe import Markup

WIDTH, HEIGHT, _EDGE = 96, 24, 3.0

_Point = tuple[float, float]


def sparkline(
    values: Sequence[float | None], missing: Sequence[bool] = (), *, least_span: float = 0.0
) -> Markup:
    """An SVG of `values`, one a day, oldest first; the line breaks at None.

    `missing` marks the days without any data: they are hatched. The full height is the values' range, but at least
    `least_span`, so that a nearly constant line is flat. Empty without any value.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    short = max(0.0, least_span - (high - low)) / 2
    low, high = low - short, high + short
    points = [_point(place, value, len(values), low, high) for place, value in enumerate(values)]
    runs = [list(run) for has_data, run in groupby(points, key=lambda point: point is not None) if has_data]
    lines = " ".join(_path([point for point in run if point]) for run in runs)
    lone = "".join(_dot(*run[0], 1.5) for run in runs if len(run) == 1 and run[0])
    end = _dot(*points[-1], 2.2) if points[-1] else ""
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'{"".join(_hatches(missing))}<path d="{lines}"/>{lone}{end}</svg>'
    )


def _point(place: int, value: float | None, count: int, low: float, high: float) -> _Point | None:
    if value is None:
        return None
    share = 0.5 if high == low else (value - low) / (high - low)
    return _x(place, count), _EDGE + (1 - share) * (HEIGHT - 2 * _EDGE)


def _x(place: float, count: int) -> float:
    return _EDGE + place * (WIDTH - 2 * _EDGE) / max(1, count - 1)


def _path(points: Sequence[_Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _dot(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def _hatches(missing: Sequence[bool]) -> Iterator[str]:
    place = 0
    for is_missing, run in groupby(missing):
        length = len(list(run))
        if is_missing:
            left, right = _x(place - 0.5, len(missing)), _x(place + length - 0.5, len(missing))
            left, right = max(0.0, left), min(float(WIDTH), right)
            yield f'<rect x="{left:.1f}" y="0" width="{right - left:.1f}" height="{HEIGHT}"/>'
        place += length
