"""The README as a package index shows it, for hatchling's metadata."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# Code, which stays as it is, or a link or an image: whichever begins first.
CODE_OR_LINK = re.compile(r"^```.*?^```$|(?P<image>!?)\[(?P<text>[^]]*)]\((?P<target>[^)\s]+)\)|`[^`]*`", re.M | re.S)
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


def make_absolute(text: str, address: str | None, tag: str) -> str:
    """Return a page of the repository's root with its relative links leading to the repository at a tag.

    Without an address, a relative link becomes its text, and a relative image its description: neither leads astray.

    >>> make_absolute("[Data](docs/data.md#csv), [NumPy](https://numpy.org)", "https://forge.test/modnet", "v1.0.0")
    '[Data](https://forge.test/modnet/blob/v1.0.0/docs/data.md#csv), [NumPy](https://numpy.org)'
    >>> make_absolute("[Data](docs/data.md#csv), ![a curve](docs/curve.png)", None, "v1.0.0")
    'Data, a curve'
    """

    def replace(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or ABSOLUTE.match(target):
            return found[0]
        if not address:
            return found["text"]
        path = f"README.md{target}" if target.startswith("#") else target
        return f"{found['image']}[{found['text']}]({address}/{'raw' if found['image'] else 'blob'}/{tag}/{path})"

    return CODE_OR_LINK.sub(replace, text)


class IndexPage(MetadataHookInterface):
    """Sets the readme; the repository's address is `Repository` of `[project.urls]`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme of the metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = make_absolute(text, metadata.get("urls", {}).get("Repository"), f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
