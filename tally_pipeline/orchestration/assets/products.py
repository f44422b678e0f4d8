"""What an asset computes of a day. Assets only compute: the IO manager publishes, as far as the checks allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

from tally_pipeline.checks.check import Findings, stops_publishing
from tally_pipeline.datasets import AnyDataset
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration.assets.failures import complete_messages
from tally_pipeline.orchestration.assets.partition_events import PartitionResult


@dataclass(kw_only=True)
class Product:
    """A day of an asset, before it is published. `failure` says why there is nothing to publish; empty when there is.

    `result` is what became of it, once the IO manager had it.
    """

    day: str
    findings: Findings = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    result: PartitionResult | None = None

    @property
    def objections(self) -> str:
        """What the checks found that stops publishing, with what to do; empty when nothing does."""
        failed = [finding for check, finding in self.findings if stops_publishing(check, finding)]
        return " ".join(f"{finding.summary}. {finding.remedy}" for finding in failed)


@dataclass(kw_only=True)
class Fetched(Product):
    """A day of bronze: the objects to keep for good, by key; none where this run wrote them before."""

    dataset: AnyDataset
    key: BronzeKey
    objects: Mapping[str, bytes]


@dataclass(kw_only=True)
class RefinedDay(Product):
    """A day of silver, and what was rejected (None where the dataset has no quarantine)."""

    dataset: AnyDataset
    silver: pa.Table
    quarantine: pa.Table | None
    footer: msgspec.Struct
    made_from: BronzeKey


@dataclass(kw_only=True)
class TableDay(Product):
    """A day of a gold table."""

    table: str
    rows: pa.Table
    footer: msgspec.Struct


@dataclass(kw_only=True)
class PageDay(Product):
    """A day's page, as HTML."""

    page: bytes


class Days:
    """The days of a run, each computed when the one before it is published: memory stays flat over a year of them."""

    def __init__(
        self,
        products: Iterator[Product],
        settle: Callable[[Sequence[PartitionResult]], None],
        give_up: Callable[[], None],
    ) -> None:
        """`settle` is told of the results before their output counts as made; `give_up` when that fails."""
        self._products = products
        self._settle = settle
        self._give_up = give_up
        self.results: list[PartitionResult] = []

    def is_refused(self, *, alone: bool) -> bool:
        """Whether a day that is `alone` in its run will not be published, as far as computing it tells."""
        if not alone:
            return False
        with complete_messages():
            product = next(self._products)
        self._products = chain([product], self._products)
        return bool(product.failure or product.objections)

    def publish(self, publish: Callable[[Product], PartitionResult]) -> None:
        """Publish them one by one; `results` says what became of them."""
        for product in self._products:
            product.result = publish(product)
            self.results.append(product.result)

    def settle(self) -> None:
        """Record what was published; raises `StepFailedError` when not all was."""
        self._settle(self.results)

    def give_up(self) -> None:
        """Leave to others what was taken for this run."""
        self._give_up()
