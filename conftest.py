"""What every test and every example in the docs finds at hand."""

from __future__ import annotations

import numpy as np
import pytest

import modnet


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(np=np, modnet=modnet)
