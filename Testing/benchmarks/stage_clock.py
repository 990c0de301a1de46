"""CPU time of the stages of a program, measured from outside: its functions are wrapped, not changed."""

from __future__ import annotations

import builtins
import functools
import importlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

OTHER = "other"


class StageClock:
    """Counts the CPU time of all threads for the innermost stage that runs in the main thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running = [OTHER]
        self._since = time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what runs inside for a stage."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._count()
        self._running.append(name)
        try:
            yield
        finally:
            self._count()
            self._running.pop()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what runs inside, as ``OTHER`` where no stage runs."""
        self._since = time.process_time()
        yield
        self._count()

    def wrap(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """A function that counts for a stage."""

        @functools.wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return counted

    @contextmanager
    def wrapping(self, functions: Iterable[tuple[str, str, str]]) -> Iterator[None]:
        """Wrap functions, given as stage, module and name in it, while the body runs."""
        with ExitStack() as stack:
            for stage, module, name in functions:
                stack.enter_context(replaced(module, name, functools.partial(self.wrap, name=stage)))
            yield

    def _count(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] = self.seconds.get(self._running[-1], 0.0) + now - self._since
        self._since = now


@contextmanager
def replaced(module_name: str, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """Let a name in a module mean what ``change`` makes of it while the body runs."""
    module = importlib.import_module(module_name)
    original = getattr(module, name)
    setattr(module, name, change(original))
    try:
        yield
    finally:
        setattr(module, name, original)


class ImportClock:
    """Counts the CPU time of import statements in all threads; imports inside imports count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = threading.local()
        self._lock = threading.Lock()

    def __enter__(self) -> ImportClock:
        self._original = builtins.__import__
        builtins.__import__ = self._import
        return self

    def __exit__(self, *error: object) -> None:
        builtins.__import__ = self._original

    def _import(self, *arguments: Any, **named: Any) -> Any:
        if getattr(self._inside, "yes", False):
            return self._original(*arguments, **named)
        self._inside.yes = True
        started = time.thread_time()
        try:
            return self._original(*arguments, **named)
        finally:
            with self._lock:
                self.seconds += time.thread_time() - started
            self._inside.yes = False
