"""Free memory: of the system, of control groups of both versions, and of limits set for the process."""

import resource
from pathlib import Path

import pytest

from tumorseg.free_memory import free_bytes, host_bytes

MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _write(tmp_path / "proc/meminfo", "MemTotal:   24000000 kB\nMemAvailable:   8192 kB\nHugePages_Total:   0\n")
    _write(tmp_path / "proc/self/status", "Name:\tpython\nVmSize:\t  2048 kB\nVmData:\t  1024 kB\n")
    return tmp_path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_without_limits_the_system_decides(root: Path) -> None:
    assert host_bytes(root) == 8 * MIB


def test_a_control_group_of_version_2_and_its_parents_limit(root: Path) -> None:
    _write(root / "proc/self/cgroup", "0::/user/run\n")
    groups = root / "sys/fs/cgroup/user"
    _write(groups / "memory.max", str(7 * MIB))
    _write(groups / "memory.current", str(6 * MIB))
    _write(groups / "memory.stat", f"anon 5\ninactive_file {2 * MIB}\n")
    _write(groups / "run/memory.max", "max\n")
    _write(groups / "run/memory.current", str(MIB))
    assert host_bytes(root) == 3 * MIB


def test_a_control_group_of_version_1_limits(root: Path) -> None:
    _write(root / "proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/job\n")
    _write(root / "sys/fs/cgroup/memory/job/memory.limit_in_bytes", str(6 * MIB))
    _write(root / "sys/fs/cgroup/memory/job/memory.usage_in_bytes", str(2 * MIB))
    assert host_bytes(root) == 4 * MIB


@pytest.mark.parametrize(("limit", "left"), [("RLIMIT_AS", 3 * MIB), ("RLIMIT_DATA", 4 * MIB)])
def test_limits_of_the_process_count(root: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int) -> None:
    wanted = getattr(resource, limit)
    infinity = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda which: (5 * MIB if which == wanted else infinity, infinity))
    assert host_bytes(root) == left


def test_a_system_that_tells_nothing_is_unknown(tmp_path: Path) -> None:
    assert host_bytes(tmp_path) is None


def test_this_machine_has_some_memory() -> None:
    assert free_bytes("cpu") > MIB


def test_what_torch_keeps_on_a_gpu_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda device: 50)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda device: 20)
    assert free_bytes("cuda:1") == 130
