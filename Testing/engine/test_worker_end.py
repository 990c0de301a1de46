"""The worker ends when it is told to or when its parent has gone, whatever it is doing."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

from support.models import random_model, saved, threshold_model
from support.worker import RunningWorker, Script, worker_request
from tumorseg.worker import Worker


def test_shutdown_ends_the_process(worker: RunningWorker) -> None:
    worker.send(request="shutdown")
    assert worker.process.wait(timeout=60) == 0


def test_a_parent_that_goes_away_ends_the_process_even_during_a_run(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**worker_request(tmp_path, saved(random_model(), tmp_path), tta=True))
    worker.wait_for("progress")
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(timeout=60) == 0


def test_what_is_still_queued_when_the_parent_goes_away_is_not_run(tmp_path: Path) -> None:
    worker = Worker(StringIO())
    worker.inbox.read(["", json.dumps(worker_request(tmp_path, saved(threshold_model(), tmp_path)))])
    worker.run(StringIO())
    assert not (tmp_path / "labels.npy").exists()


def test_a_parent_that_closes_only_the_events_ends_the_worker() -> None:
    class Closed(StringIO):
        def write(self, line: str) -> int:
            raise BrokenPipeError

    script = Script()
    script.send(request="status")
    Worker(Closed()).run(script)  # returns though nobody says that the requests have ended


def test_a_lost_parent_does_not_wait_for_a_long_computation(tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text(
        "import time, tumorseg.worker as w\n"
        "def hang(*_, **__):\n"
        "    print('hanging', file=w.sys.stderr, flush=True)\n"
        "    time.sleep(600)\n"
        "w.check_case = hang\n"
        "w.EXIT_SECONDS = 0.2\n"
        "w.main()\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        request = worker_request(tmp_path, saved(threshold_model(), tmp_path), request="check")
        print(json.dumps(request), file=process.stdin, flush=True)
        try:
            assert process.stderr.readline() == "hanging\n"  # only now does the parent go away
            process.stdin.close()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
