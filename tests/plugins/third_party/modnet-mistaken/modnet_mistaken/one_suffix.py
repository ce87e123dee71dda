"""A data source with a suffix where there should be a tuple of them."""

from __future__ import annotations

from pathlib import Path

import modnet


class OneSuffix(modnet.DataSource):
    suffixes = ".one"

    def read(self, path: Path | None) -> modnet.Dataset:
        raise modnet.DataError(f"{path}: there is nothing in it")


@modnet.hookimpl
def register_data_sources(register: modnet.Register[modnet.DataSource]) -> None:
    register(OneSuffix)
