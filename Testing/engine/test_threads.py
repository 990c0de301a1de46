"""The number of threads: named, or one per physical core."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tumorseg import threads


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (threads.THREADS_VARIABLE, threads.SPARE_VARIABLE, "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)


def _topology(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, text in siblings.items():
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(text)
    return folder


def test_two_threads_of_a_core_count_once_and_what_a_process_may_not_use_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 4, 5, 9}, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    topology = _topology(tmp_path, {0: "0,4\n", 4: "0,4\n", 1: "1,5\n", 5: "1,5\n", 2: "2,6\n"})
    quota = tmp_path / "cpu.max"
    assert threads.physical_cores(topology, quota) == 3  # 9 tells nothing, and counts
    for text, cores in (("max 100000\n", 3), ("150000 100000\n", 2), ("50000 100000\n", 1), ("900000 100000\n", 3)):
        quota.write_text(text)
        assert threads.physical_cores(topology, quota) == cores


@pytest.mark.parametrize(("machine", "cores"), [("AMD64", 4), ("arm64", 8)])
def test_elsewhere_the_number_is_a_guess(machine: str, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert threads.physical_cores() == cores


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 4),
        ({"TUMORSEG_SPARE_CORES": "1"}, 3),
        ({"TUMORSEG_SPARE_CORES": "9"}, 1),
        ({"OMP_NUM_THREADS": "2", "TUMORSEG_SPARE_CORES": "1"}, 2),
        ({"OMP_NUM_THREADS": "2", "TUMORSEG_THREADS": "5"}, 5),
        ({"TUMORSEG_THREADS": "many"}, 4),
        ({"TUMORSEG_THREADS": "²"}, 4),
        ({"TUMORSEG_THREADS": "99999999999"}, 4),
        ({"TUMORSEG_THREADS": "9" * 5000, "OMP_NUM_THREADS": "3"}, 3),
    ],
)
def test_the_environment_decides(variables: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "physical_cores", lambda: 4)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert threads.thread_count() == expected


def test_torch_keeps_the_number_that_it_was_told_unless_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[int] = []
    torch = SimpleNamespace(get_num_threads=lambda: 7, set_num_threads=told.append)
    monkeypatch.setattr(threads, "physical_cores", lambda: 4)
    monkeypatch.setattr(threads, "loaded_torch", lambda: torch)
    assert threads.current_threads() == 7
    monkeypatch.setenv("TUMORSEG_SPARE_CORES", "1")
    assert threads.current_threads() == 3
    threads.limit_torch()
    assert told == [3]
    monkeypatch.setattr(threads, "loaded_torch", lambda: None)
    monkeypatch.delenv("TUMORSEG_SPARE_CORES")
    assert threads.current_threads() == 4
    threads.limit_torch()
    assert told == [3]
