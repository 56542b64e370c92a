"""Which processes train together, and which of them this one is."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tfloss.errors import UsageError


@dataclass(frozen=True)
class Cluster:
    """The workers of one training.

    Attributes:
        addresses: 'host:port' of each; the first is the chief's.
        index: which of them this process is.
        source: where that was read, for messages: 'TF_CONFIG'.

    Raises:
        UsageError: an address without a port, one that stands there twice, or an index of nobody.
    """

    addresses: tuple[str, ...]
    index: int
    source: str

    def __post_init__(self) -> None:
        for address in self.addresses:
            _refuse_malformed(address, self.source)
        twice = [a for a in self.addresses if self.addresses.count(a) > 1]
        if twice:
            raise UsageError(
                f"{self.source} gives two workers the address '{twice[0]}'; each needs its own."
            )
        if not 0 <= self.index < len(self.addresses):
            raise UsageError(
                f"{self.source} says that this is worker {self.index} of {len(self.addresses)}; "
                f"they are counted from 0 to {len(self.addresses) - 1}."
            )

    @property
    def count(self) -> int:
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    def as_tf_config(self, index: int | None = None) -> str:
        """What the environment variable TF_CONFIG holds for one of the workers; default: this."""
        own = self.index if index is None else index
        task = {"type": "worker", "index": own}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


def _refuse_malformed(address: str, source: str) -> None:
    host, colon, port = address.rpartition(":")
    known = port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536
    if not (host and colon and known) or any(c.isspace() or c in "/," for c in address):
        raise UsageError(
            f"{source} has the address '{address}'; write host:port, 'node1:2222' for example."
        )
