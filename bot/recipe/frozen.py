"""A mapping that cannot change, so that what holds one can be compared and hashed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenMapping(Mapping[K, V]):
    """Equal to every mapping with the same items; hashable where its keys and values are.

    Python's own read-only view, types.MappingProxyType, is hashable from 3.12 on only.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        # The order of the items is no part of their equality.
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)
