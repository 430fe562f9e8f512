"""Several threads that do one thing at the same moment."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from threading import Barrier, Thread
from typing import NoReturn, TypeVar

T = TypeVar("T")

LIMIT_S = 120.0
"""How long all of them may take together."""
GRACE_S = 5.0
"""How long an interrupted thread may take to end."""


class InterruptedThread(BaseException):
    """Raised inside a thread to end it, because another thread has failed."""


def together(count: int, do: Callable[[int], T], limit_s: float = LIMIT_S) -> list[T]:
    """Calls `do(0)`, `do(1)` … in threads that start at the same moment; returns what they returned, in that order.

    The first exception of a thread is raised here at once, and the other threads are interrupted.
    Raises TimeoutError if they take longer than `limit_s`.
    """
    start = Barrier(count)
    ended: SimpleQueue[tuple[int, Callable[[], T]]] = SimpleQueue()

    def one(number: int) -> None:
        try:
            start.wait(limit_s)
            result = do(number)
            ended.put((number, lambda: result))
        except InterruptedThread:
            pass
        except BaseException as error:
            ended.put((number, partial(_raise, error)))

    threads = [Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        results = dict(_results(ended, count, limit_s))
    except BaseException:
        for thread in threads:
            _interrupt(thread)
        raise
    for thread in threads:
        thread.join(GRACE_S)
    return [results[number] for number in range(count)]


def _results(ended: SimpleQueue[tuple[int, Callable[[], T]]], count: int, limit_s: float) -> Iterator[tuple[int, T]]:
    """Number and result of each thread as they end; raises what one of them raised."""
    ends_at = time.monotonic() + limit_s
    for _ in range(count):
        try:
            number, result = ended.get(timeout=max(0.0, ends_at - time.monotonic()))
        except Empty:
            raise TimeoutError(f"not all of {count} threads ended within {limit_s} s") from None
        yield number, result()


def _raise(error: BaseException) -> NoReturn:
    raise error


def _interrupt(thread: Thread) -> None:
    """Ends a thread that still runs; one that waits outside Python ends with the process at the latest."""
    interruption = ctypes.py_object(InterruptedThread)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), interruption)
        thread.join(GRACE_S)
