"""Faults that are planted into every writer of a round: a proof that does not see them proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from unittest import mock

from tally_pipeline.lake.store import OvertakenError, Store
from tally_pipeline.orchestration.assets.partition_events import PartitionResult
from tally_pipeline.orchestration.assets.products import Days, Product, Versions


def plant(name: str) -> None:
    """Plant a fault of `FAULTS` into this process, for good."""
    FAULTS[name]()


def _unconditional() -> None:
    def replace(self: Store, key: str, body: bytes, version: str | None, **_: object) -> bool:
        self.put(key, body)
        return True

    mock.patch.object(Store, "replace", replace).start()


def _versions_last() -> None:
    def from_now(self: Days, days: Sequence[str]) -> Iterator[Product]:
        for product in self._compute(days):
            self._versions = {**self._versions, **self._look([product.day])}
            yield product

    mock.patch.object(Days, "_from_now", from_now).start()


def _taken_for_its_own() -> None:
    mock.patch.object(Store, "_holds", return_value=True).start()


def _old_result_again() -> None:
    def published(
        self: Days,
        product: Product,
        publish: Callable[[Product, Versions], PartitionResult],
        attempts: int,
    ) -> PartitionResult:
        try:
            return redo(self, product, publish, 1) if attempts == 1 else publish(product, self._versions)
        except OvertakenError:
            self._versions = {**self._versions, **self._look([product.day])}
            return published(self, product, publish, attempts - 1)

    redo = Days._published
    mock.patch.object(Days, "_published", published).start()


FAULTS: dict[str, Callable[[], None]] = {
    "a write names no version that it replaces": _unconditional,
    "versions are read after the inputs": _versions_last,
    "what another wrote is taken for one's own": _taken_for_its_own,
    "who is overtaken publishes what it had made": _old_result_again,
}
"""Each fault by what is wrong with a process that has it."""
