"""How a command ends: a sentence per problem on stderr and an exit code, never a traceback for what a user can mend."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

from tumorseg.errors import BadInputError, CancelledError, OutOfMemoryError, TumorSegError


def run_program(name: str, work: Callable[[], int], when_stopped: str) -> int:
    """Do the work of a command.

    Args:
        name: of the program, in front of every sentence.
        work: does it and returns the exit code.
        when_stopped: what Ctrl-C leaves behind, said to the user.

    Returns:
        The exit code of the work or of the problem; 1 without enough memory, 2 for files that the system refuses, 130
        after Ctrl-C.
    """
    _say_everything()
    try:
        return work()
    except TumorSegError as error:
        return _told(name, error)
    except MemoryError:
        return _told(name, OutOfMemoryError())
    except BrokenPipeError:  # the reader of our output went away, e.g. ``| head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where, reason = error.filename or "A file", error.strerror or error
        print(f"{name}: {where} cannot be used ({reason}); free space or choose another place.", file=sys.stderr)
        return BadInputError.exit_code
    except KeyboardInterrupt:
        print(f"\n{name}: Stopped; {when_stopped}.", file=sys.stderr)
        return CancelledError.exit_code


def _told(name: str, error: TumorSegError) -> int:
    for problem in error.problems:
        print(f"{name}: {problem}", file=sys.stderr)
    return error.exit_code


def _say_everything() -> None:
    """What the console's code page does not have, as in names of files, is written as ``\\xb2`` instead of raised."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # Windows programs without a console have none
            stream.reconfigure(errors="backslashreplace")


def leave(code: int) -> NoReturn:
    """End the process without taking torch apart, which takes half a second and nobody needs."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the reader went away
            stream.flush()
    os._exit(code)
