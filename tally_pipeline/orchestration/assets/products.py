"""The products of assets, by day. Assets only compute: the IO manager publishes, as far as the checks allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from tally_pipeline.checks.check import Findings, stops_publishing
from tally_pipeline.datasets import AnyDataset
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import OvertakenError
from tally_pipeline.orchestration.assets.failures import complete_messages
from tally_pipeline.orchestration.assets.partition_events import PartitionResult


@dataclass(kw_only=True)
class Product:
    """A day of an asset, before it is published. `failure` says why there is nothing to publish; else it is empty.

    `inputs_stand` returns True if its inputs are unchanged since they were read. `result` is set by the IO manager;
    it stays None if another writer was quicker and the day is made again.
    """

    day: str
    findings: Findings = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    inputs_stand: Callable[[], bool] = lambda: True
    result: PartitionResult | None = None

    @property
    def objections(self) -> str:
        """The findings that stop publishing, with their remedies; empty if there are none."""
        failed = [finding for check, finding in self.findings if stops_publishing(check, finding)]
        return " ".join(f"{finding.summary}. {finding.remedy}" for finding in failed)


@dataclass(kw_only=True)
class Fetched(Product):
    """A day of bronze: the objects to store for good, with their keys, in writing order; none if this run wrote them
    before."""

    dataset: AnyDataset
    key: BronzeKey
    objects: Iterable[tuple[str, bytes]]


@dataclass(kw_only=True)
class RefinedDay(Product):
    """A day of silver, and its rejected rows (None if the dataset has no quarantine)."""

    dataset: AnyDataset
    silver: pa.Table
    quarantine: pa.Table | None
    footer: msgspec.Struct
    made_from: BronzeKey


@dataclass(kw_only=True)
class TableDay(Product):
    """A day of a table made from silver; `key` is its file's."""

    key: str
    rows: pa.Table
    footer: msgspec.Struct


@dataclass(kw_only=True)
class PageDay(Product):
    """A day's page, as HTML."""

    page: bytes


Versions: TypeAlias = Mapping[str, str | None]
"""The versions of objects by key (None: absent) from before a day's inputs were read."""

ATTEMPTS = 5
"""The most times a day is made if other writers keep replacing it meanwhile."""


class Days:
    """The days of a run, each computed after the one before is published: memory stays flat over a year of them.

    A day that another writer published meanwhile is computed again, from the inputs of that time: the result is that
    of one writer after the other.
    """

    def __init__(
        self,
        days: Sequence[str],
        compute: Callable[[Sequence[str]], Iterator[Product]],
        versions: Callable[[Sequence[str]], Versions],
        settle: Callable[[Sequence[PartitionResult]], None],
        give_up: Callable[[], None],
    ) -> None:
        """`compute` makes days in order; `versions` reads the versions that they replace. `settle` receives the
        results before their output counts as made; `give_up` is called if that fails."""
        self._compute = compute
        self._look = versions
        self._versions: Versions = {}
        self._products = self._from_now(days)
        self._settle = settle
        self._give_up = give_up
        self.results: list[PartitionResult] = []

    def _from_now(self, days: Sequence[str]) -> Iterator[Product]:
        """The days, computed from present inputs; the versions that they replace are read before any input."""
        self._versions = {**self._versions, **self._look(days)}
        yield from self._compute(days)

    def is_refused(self, *, alone: bool) -> bool:
        """True if computing the only day of a run (`alone`) shows already that it will not be published."""
        if not alone:
            return False
        with complete_messages():
            product = next(self._products)
        self._products = chain([product], self._products)
        return bool(product.failure or product.objections)

    def publish(self, publish: Callable[[Product, Versions], PartitionResult]) -> None:
        """Publish them one by one, into `results`."""
        for product in self._products:
            self.results.append(self._published(product, publish, ATTEMPTS))

    def _published(
        self, product: Product, publish: Callable[[Product, Versions], PartitionResult], attempts: int
    ) -> PartitionResult:
        try:
            product.result = publish(product, self._versions)
        except OvertakenError as error:
            if attempts == 1:
                product.result = _given_up(product.day, error)
                return product.result
            result = None
            for anew in self._from_now([product.day]):
                result = self._published(anew, publish, attempts - 1)
            assert result is not None
            return result
        return product.result

    def settle(self) -> None:
        """Record the published days; raises `StepFailedError` if there are others."""
        self._settle(self.results)

    def give_up(self) -> None:
        """Release the locks of this run."""
        self._give_up()


def _given_up(day: str, error: OvertakenError) -> PartitionResult:
    again = "Materialize the day again once no other run, machine or tool writes it."
    return PartitionResult(
        day, (), failure_reason=f"{error}, {ATTEMPTS} times while this run made the day. {again}"
    )
