"""Fisher's iris flowers."""

from __future__ import annotations

import attrs

from modnet_data.toy.textbook import Textbook


@attrs.frozen(kw_only=True)
class Iris(Textbook):
    """150 iris flowers of three species by the length and width of sepals and petals, in cm (Fisher 1936).

    >>> data = modnet.load("iris")
    >>> data.classes, data.feature_names[:2]
    (('setosa', 'versicolor', 'virginica'), ('sepal length', 'sepal width'))
    """

    file = "iris.csv"
    label = "species"
