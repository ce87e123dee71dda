"""Words of the features that are text, numbered as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from modnet import Array, DataError, find_unclear_labels
from modnet.files import quote
from modnet_data.cached import Facts
from modnet_data.table.plan import Plan
from modnet_data.table.words import LONGEST_LABEL

MOST_UNASKED = 50  # words of a column that is encoded without being asked for
ROWS_PER_WORD = 2
MOST_WORDS = 10_000
"""Words that a column may have in training."""


@final
class Texts:
    """The words of each feature that is text, in the order in which they come, and how many cells have one."""

    def __init__(self, plan: Plan[Any]) -> None:
        self._plan = plan
        known = {
            i: plan.wanted.known_words.get(str(rank), ()) for rank, i in enumerate(plan.features) if i in plan.text
        }
        self._numbers = {i: {word: number for number, word in enumerate(words)} for i, words in known.items()}
        self._cells = dict.fromkeys(self._numbers, 0)

    @property
    def facts(self) -> Facts:
        """The words of each feature that is text, by its place among the features."""
        places = {column: str(rank) for rank, column in enumerate(self._plan.features)}
        return {"text": {places[column]: list(numbers) for column, numbers in self._numbers.items()}}

    def to_numbers(self, column: int, words: Sequence[str], cells: int | None = None) -> Array:
        """Return the numbers of words that were checked, float64, of so many cells; new words become known."""
        self._cells[column] += len(words) if cells is None else cells
        return np.array([self._add(self._numbers[column], word) for word in words], np.float64)

    def _add(self, numbers: dict[str, int], word: str) -> int:
        full = len(numbers) > MOST_WORDS and not self._plan.is_settled  # which `question` refuses
        return numbers.get(word, 0) if full else numbers.setdefault(word, len(numbers))

    def problem(self, column: int, word: str) -> str:
        """Say what is wrong with a word, or nothing."""
        if word in self._numbers[column]:
            return ""
        if len(word) >= LONGEST_LABEL:
            return f"expected a word, found {len(word):,} characters; is a quote left open?"
        if unclear := find_unclear_labels([word]):
            return unclear[0].replace("the label", "the word")
        order = self._plan.orders.get(column)
        return f"the word {quote(word)} is not in the order of 'encode'" if order and word not in order else ""

    def question(self) -> DataError | None:
        """Return the error of columns with so many words that nobody would encode them unasked, if there are any."""
        plan, table = self._plan, self._plan.table
        if plan.is_settled or not (wordy := self.find_wordy()):
            return None
        first, count = wordy[0], len(self._numbers[wordy[0]])
        full = [i for i in wordy if len(self._numbers[i]) > MOST_WORDS]
        known = f"more than {MOST_WORDS:,}" if first in full else f"{count:,}"
        also = "" if len(wordy) == 1 else f" (so have {', '.join(quote(str(table.name_of(i))) for i in wordy[1:7])})"
        problem = f"is text and has too many different words to be encoded unasked: {known}{also}"
        advice = [*plan.advise_leaving_out(wordy), *([] if full else plan.advise_encoding(wordy))]
        error: DataError = table.column_error(first, problem, advice)
        return error

    def find_wordy(self) -> list[int]:
        """Return the columns of too many words, of which `encode` says nothing."""
        listed = self._numbers if self._plan.wanted.encode == "one-hot" else self._plan.encode
        return [i for i, numbers in self._numbers.items() if self._is_wordy(i, len(numbers), i in listed)]

    def _is_wordy(self, column: int, words: int, is_listed: bool) -> bool:
        if words > MOST_WORDS or is_listed:
            return words > MOST_WORDS
        return words > MOST_UNASKED or ROWS_PER_WORD * words > self._cells[column]
