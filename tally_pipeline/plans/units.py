"""Amounts as whole numbers of one unit, so that sums are exact and two plans are never told apart by rounding."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm

MOST_UNITS = 10**5
"""The most units of one amount. The solver reckons in floating point: far beyond this it loses answers and proofs."""


def common_unit(amounts: Iterable[Fraction]) -> Fraction:
    """The largest unit of which every amount is a whole number; 1 when all are zero."""
    some = [amount for amount in amounts if amount]
    if not some:
        return Fraction(1)
    return Fraction(gcd(*(one.numerator for one in some)), lcm(*(one.denominator for one in some)))


def plain(amount: Fraction) -> int | float:
    """The amount as JSON has it: whole numbers without a point."""
    return int(amount) if amount.denominator == 1 else float(amount)
