"""A data source that recognises files by an instance only."""

from __future__ import annotations

from pathlib import Path

import modnet


class AsksItself(modnet.DataSource):
    def recognises(self, path: Path, head: bytes) -> bool:
        return path.name == "itself"

    def read(self, path: Path | None) -> modnet.Dataset:
        raise modnet.DataError(f"{path}: there is nothing in it")


@modnet.hookimpl
def register_data_sources(register: modnet.Register[modnet.DataSource]) -> None:
    register(AsksItself)
