"""Rows of a run's table, one for the end of an epoch."""

from __future__ import annotations

from itertools import product

from modnet import History, ObservedRun
from modnet.text import format_column, format_metric, measure_width

WIDTH = 79  # of a row at most: some terminals break a line that fills the last of their 80 columns
ROWS = 40  # of a run at most, beside the first and the last; a small table has hundreds of epochs
_SHORT = ((" accuracy", " acc"), ("validation ", "val "))


class Rows:
    """The choice of the epochs whose ends have a row: each `every`-th one, else so many as fit on a page."""

    def __init__(self, every: int | None = None) -> None:
        self.every = every
        self._last: int | None = None  # the iteration of the last row
        self._made = 0.0  # so many epochs were over then

    def make(self, run: ObservedRun) -> str:
        """Return the row for the end of an epoch, or nothing where it is left out; the last epoch always has one."""
        every = self.every or _choose_step(run.epoch / max(1, run.iteration) * run.iterations)
        is_first = self._last is None and not self.every
        if not (is_first or run.epoch // every > self._made // every or run.iteration == run.iterations):
            return ""
        row = format_epoch(run, self._last)
        self._last, self._made = run.iteration, run.epoch
        return row


def _choose_step(epochs: float) -> int:
    """Return of how many epochs one has a row, a round number.

    >>> [_choose_step(epochs) for epochs in (1, 40, 41, 334, 1675)]
    [1, 1, 2, 10, 50]
    """
    factor, power = 1, 1
    while factor * power * ROWS < round(epochs):
        factor, power = {1: (2, power), 2: (5, power), 5: (1, 10 * power)}[factor]
    return factor * power


def format_epoch(run: ObservedRun, since: int | None = None) -> str:
    """Return the table row for the end of an epoch; the loss is the mean since an iteration, or an epoch's end.

    It takes 79 columns at most: where there is not room for all, words and digits are shorter.
    """
    history = run.history
    if since is None:
        since = history.evaluated_at[-2] if len(history.evaluated_at) > 1 else 0
    losses = history.loss[since:]
    loss = format_metric(sum(losses) / len(losses)) if losses else "-"
    shown = choose_columns(history)
    names = ", ".join(_shorten(format_column(name, run.metrics)) for name in shown)
    last = [history.columns[name][-1] for name in shown]
    digits = (", ".join(map(format_metric, last)), ", ".join(f"{value:.3g}" for value in last))
    epochs = len(f"{run.epoch / max(1, run.iteration) * run.iterations:.1f}")
    epoch = f"epoch {run.epoch:>{epochs}.1f}"
    done = f"{run.iteration:>{len(f'{run.iterations:,}')},}"
    begins = [f"{epoch}  {word}{done}" for word in ("iteration ", "iter ", "")]
    for values, begin in product(digits, [*begins, epoch]):
        row = f"{begin}  loss {loss:>6}  {names} | {values}"
        if measure_width(row) <= WIDTH:
            return row
    room = WIDTH - measure_width(f"{epoch}  loss {loss:>6}   | {digits[1]}")
    return _cut(f"{epoch}  loss {loss:>6}  {_cut(names, max(room, 1))} | {digits[1]}", WIDTH)


def _cut(text: str, width: int) -> str:
    """Return text, or as much of its begin as takes so many columns.

    >>> _cut("train accuracy", 9), _cut("accuracy", 9)
    ('train ...', 'accuracy')
    """
    if measure_width(text) <= width:
        return text
    while text and measure_width(text) + 3 > width:
        text = text[:-1]
    return f"{text}..."


def _shorten(title: str) -> str:
    for long, short in _SHORT:
        title = title.replace(long, short)
    return title


def choose_columns(history: History) -> list[str]:
    """Return the columns of the main metric that progress shows: of training, and of validation or test."""
    _, _, main = next(iter(history.columns), "").partition("_")
    other = "validation" if f"validation_{main}" in history.columns else "test"
    return [name for name in (f"train_{main}", f"{other}_{main}") if name in history.columns]
