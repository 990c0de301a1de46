"""What a command costs before and after its work: modules that are not needed, freed memory, the end of the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tumorseg import start

SEGMENT = "import tumorseg.segment_command, tumorseg.batch_command, sys"

FAULTS = """
import resource, sys
import numpy as np
from tumorseg.allocator import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "kept" else False
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(1 << 22, np.float64)
before = faults()
for _ in range(8):
    np.ones(1 << 22, np.float64)
print(kept, faults() - before)
"""


RESIDENT = """
import numpy as np
from pathlib import Path
from tumorseg.allocator import keep_freed_memory, return_freed_memory
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
kept = keep_freed_memory()
arrays = [np.ones(1 << 22, np.float64) for _ in range(4)]
del arrays
before = pages()
return_freed_memory()
print(kept, before - pages())
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_reading_starts_before_torch_is_there() -> None:
    heavy = "{'torch', 'matplotlib', 'scipy.optimize', 'scipy.stats', 'nibabel'}"
    assert python(f"{SEGMENT}; print(sorted({heavy} & set(sys.modules)))").stdout == "[]\n"


def test_what_is_settled_before_numpy_is_settled_without_it() -> None:
    assert python("import tumorseg.start, sys; print('numpy' in sys.modules)").stdout == "False\n"


@pytest.mark.parametrize(("given", "threads"), [(None, "1"), ("3", "3")])
def test_numpy_has_one_thread_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str | None, threads: str
) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr("tumorseg.cli.command", lambda: seen.append(os.environ.get("OPENBLAS_NUM_THREADS")))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", given or "")
    if given is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    start.command()
    assert seen == [threads]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_freed_memory_is_used_again() -> None:
    kept, faults = python(FAULTS, "kept").stdout.split()
    if kept == "False":
        pytest.skip("another C library than glibc")
    assert int(faults) < int(python(FAULTS, "returned").stdout.split()[1]) / 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_freed_memory_can_be_returned() -> None:
    kept, returned = python(RESIDENT).stdout.split()
    if kept == "False":
        pytest.skip("another C library than glibc")
    assert int(returned) * 4096 > 4 * (1 << 22) * 8 / 2


def test_a_command_ends_with_its_code_and_everything_it_said() -> None:
    code = "from tumorseg.program import leave; import sys; print('out'); print('err', file=sys.stderr); leave(3)"
    ended = python(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out\n", "err\n")


def test_garbage_is_collected_again_after_a_load() -> None:
    code = """
import gc
from tumorseg.collection import without_collection
with without_collection():
    assert not gc.isenabled()
    kept = [[] for _ in range(1000)]
assert gc.isenabled()
assert gc.get_freeze_count() >= 1000
"""
    assert python(code).returncode == 0
