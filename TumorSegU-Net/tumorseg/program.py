"""How a command ends: a sentence per problem on stderr and an exit code, never a traceback for what a user can mend."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from tumorseg.errors import BadInputError, CancelledError, OutOfMemoryError, TumorSegError


def run_program(name: str, work: Callable[[], int], when_stopped: str) -> int:
    """Do the work of a command.

    Args:
        name: of the program, in front of every sentence.
        work: does it and returns the exit code.
        when_stopped: what Ctrl-C leaves behind, said to the user.

    Returns:
        The exit code of the work or of the problem; 1 without enough memory, 2 for files or output that the system
        refuses, 130 after Ctrl-C.
    """
    open_closed_streams()
    _say_everything()
    code = 0
    try:
        code = work()
        sys.stdout.flush()  # while a full disk can still be told
        return code
    except TumorSegError as error:
        return _told(name, error)
    except MemoryError:
        return _told(name, OutOfMemoryError())
    except BrokenPipeError:  # the reader of our output went away, e.g. ``| head``
        return code
    except OSError as error:
        where, reason = error.filename or "The output or a file", error.strerror or error
        return _told(name, BadInputError(f"{where} cannot be used ({reason}); free space or choose another place."))
    except KeyboardInterrupt:
        _say(f"\n{name}: Stopped; {when_stopped}.")
        return CancelledError.exit_code
    finally:
        _drop_what_cannot_be_written()


def open_closed_streams() -> None:
    """Let streams lead nowhere that are closed (``>&-``), or that a Windows program without a console does not have.

    Otherwise whatever prints there fails, or prints into the next file that is opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _told(name: str, error: TumorSegError) -> int:
    for problem in error.problems:
        _say(f"{name}: {problem}")
    return error.exit_code


def _say(text: str) -> None:
    with suppress(OSError):  # the exit code still tells it
        print(text, file=sys.stderr)


def _drop_what_cannot_be_written() -> None:
    """Python would try it again at the end of the process, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say_everything() -> None:
    """What the console's code page does not have, as in names of files, is written as ``\\xb2`` instead of raised."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def leave(code: int) -> NoReturn:
    """End the process without taking torch apart, which takes half a second and nobody needs."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the reader went away
            stream.flush()
    os._exit(code)
