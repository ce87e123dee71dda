"""A data source that returns a pair of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import modnet


class Pair(modnet.DataSource):
    suffixes = (".pair",)

    def read(self, path: Path | None) -> tuple[modnet.Array, modnet.Array]:
        return np.zeros((2, 3)), np.zeros(2)


@modnet.hookimpl
def register_data_sources(register: modnet.Register[modnet.DataSource]) -> None:
    register(Pair)
