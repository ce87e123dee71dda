"""Chemical analyses of Italian wines."""

from __future__ import annotations

import attrs

from modnet_data.toy.textbook import Textbook


@attrs.frozen(kw_only=True)
class Wine(Textbook):
    """178 Italian wines of three cultivars by 13 chemical measurements (Forina et al.): scales that lie far apart.

    >>> data = modnet.load("wine")
    >>> data.classes, data.features
    ((1, 2, 3), 13)
    """

    file = "wine.csv"
    label = "cultivar"
