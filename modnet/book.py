"""The names of the book and of its slides, of the package `modnet_book`."""

from modnet_book import *  # noqa: F403
from modnet_book import __all__ as __all__
