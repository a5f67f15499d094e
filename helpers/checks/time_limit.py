"""A time limit for one call, for a function that nobody has seen before.

The system's timer rings in the main thread. That wakes a sleep, and it reaches code in
C that looks for signals now and then, such as a regular expression. On Windows, which
has no timer, a thread rings, and a sleep ends first. Does not stop code in C that looks
for no signals, such as one large matrix product: it is stopped when that has ended.
Does not stop two endless loops, one in the other, that both catch every error. In other
threads than the main one nothing is stopped, but what took too long is told all the
same.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

SIGNAL = getattr(signal, "SIGALRM", signal.SIGTERM)  # the stop button has another
AGAIN = 0.1  # seconds from one ring to the next
GENTLE = 3  # rings before the tracer comes, which does not let `finally` do its work


class TimeUp(BaseException):
    """TimeUp(seconds): a call took too long. No `except Exception` catches it."""


def limited(run: Callable[[], Any], seconds: float, inside: CodeType) -> Any:
    """run(), or TimeUp, with the time that it took, if that is more than `seconds`.

    `inside` is the code of the function that calls what may be stopped by all means.
    """
    begin = time.monotonic()
    in_main = threading.current_thread() is threading.main_thread()
    try:
        result = _with_bell(run, seconds, Bell(inside)) if in_main else run()
    except TimeUp:
        raise TimeUp(time.monotonic() - begin) from None
    if (took := time.monotonic() - begin) > seconds:  # nothing could stop it
        raise TimeUp(took)
    return result


class Bell:
    """What happens at a ring: TimeUp, in whatever line the main thread is."""

    def __init__(self, inside: CodeType) -> None:
        self.inside, self.rings, self.over = inside, 0, False

    def ring(self, number: int, frame: FrameType | None) -> None:
        if self.over:
            return
        self.rings += 1
        if self.rings > GENTLE:
            self._raise_in_next_line(frame)
        raise TimeUp

    def _raise_in_next_line(self, frame: FrameType | None) -> None:
        """For a loop that catches everything: its next line stands in `except:`.

        Python looks for signals at the beginning of a round, which is within `try`, so
        that a ring alone might never get out.
        """
        frames = self._frames_inside(frame)
        for each in frames:
            each.f_trace = self.trace
        if frames:
            sys.settrace(self.trace)

    def trace(self, frame: FrameType, event: str, argument: Any) -> Callable | None:
        if self.over or frame.f_code.co_filename == __file__:
            return None
        if event == "call" and not self._frames_inside(frame):
            return None
        if event == "line":
            raise TimeUp  # Python removes the tracer: each ring sets it anew
        return self.trace

    def _frames_inside(self, frame: FrameType | None) -> list[FrameType]:
        """The frames from `frame` out to `inside`, [] if they do not lead there."""
        frames = []
        while frame and frame.f_code is not self.inside:
            frames.append(frame)
            frame = frame.f_back
        return frames if frame else []


def _with_bell(run: Callable[[], Any], seconds: float, bell: Bell) -> Any:
    """run(), while the bell is set; afterwards as if there had been none."""
    tracer, stop = sys.gettrace(), None
    handler = signal.signal(SIGNAL, bell.ring)
    try:
        try:
            stop = _start(seconds)
            return run()
        finally:
            bell.over = True
    finally:
        bell.over = True  # once more: a ring may have come just before
        if bell.rings > GENTLE:
            sys.settrace(tracer)
        if stop:
            stop()
        signal.signal(SIGNAL, handler or signal.SIG_DFL)


def _start(seconds: float) -> Callable[[], Any]:
    """Ring after `seconds`, and again and again; returns what ends it."""
    if hasattr(signal, "setitimer"):
        before = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        return lambda: signal.setitimer(signal.ITIMER_REAL, *before)
    ended = threading.Event()

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            _thread.interrupt_main(SIGNAL)
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()

    def stop() -> None:
        ended.set()
        watcher.join()

    return stop
