"""One line of progress for a study: how many runs are done, how many failed, how long it will still take."""

import sys
import time
from typing import TextIO


class ProgressLine:
    """Rewrites one line in a terminal; elsewhere writes a plain line for about each tenth of the work."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        """`total` runs are to be made; an empty `label` keeps silent."""
        self._label, self._total, self._stream = label, total, stream or sys.stderr
        self._done = self._failed = 0
        self._started = time.monotonic()
        self._written = -1
        self._show()

    def step(self, *, failed: bool = False) -> None:
        """Count one more run."""
        self._done += 1
        self._failed += failed
        self._show()

    def close(self) -> None:
        """End the line."""
        if self._label and self._stream.isatty():
            self._print("\n")

    def _show(self) -> None:
        tenth = 10 * self._done // max(self._total, 1)
        terminal = self._stream.isatty()
        if not self._label or (not terminal and tenth == self._written):
            return
        self._written = tenth
        elapsed = time.monotonic() - self._started
        text = f"{self._label}: {self._done} of {self._total} runs"
        text += f", {self._failed} failed" if self._failed else ""
        if 0 < self._done < self._total:
            text += f", about {duration(elapsed / self._done * (self._total - self._done))} left"
        elif self._done:
            text += f" in {duration(elapsed)}"
        self._print(f"\r{text}\x1b[K" if terminal else f"{text}\n")

    def _print(self, text: str) -> None:
        """Write at once; keep silent from then on if nobody reads any more."""
        try:
            print(text, end="", file=self._stream, flush=True)
        except (OSError, ValueError):  # a broken pipe, a closed stream
            self._label = ""


def duration(seconds: float) -> str:
    """Return a length of time in words.

    >>> duration(42.3), duration(754), duration(7322)
    ('42 s', '12 min 34 s', '2 h 2 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
