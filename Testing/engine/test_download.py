"""Downloads from a server on this computer: whole, over https or from here, or a sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from tumorseg.download import fetch, file_name
from tumorseg.errors import ModelError

CONTENT = bytes(range(256)) * 4000


told_in_time = Event()
"""Set when somebody has heard of the first bytes of a slow download; only then the rest is sent."""


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", {"/moved": "/m.safetensors", "/moved-out": "http://example.org/x"}[self.path])
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        else:
            self.send_response(200)
            if self.path != "/unsized":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            if self.path == "/slow":
                self._write_slowly()
            else:
                self.wfile.write(CONTENT[:1000] if self.path == "/short" else CONTENT)

    def _write_slowly(self) -> None:
        self.wfile.write(CONTENT[:1000])
        if told_in_time.wait(10):
            self.wfile.write(CONTENT[1000:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a server that runs for the tests of this file."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize("page", ["/m.safetensors", "/moved", "/unsized"])
def test_a_download_is_whole_and_hashed(server: str, tmp_path: Path, page: str) -> None:
    told: list[tuple[int, int | None]] = []
    found = fetch(server + page, tmp_path / "x", lambda *done: told.append(done))
    assert found == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), None if page == "/unsized" else len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_slow_download_is_told_as_it_comes(server: str, tmp_path: Path) -> None:
    told: list[int] = []

    def hear(received: int, _: int | None) -> None:
        told.append(received)
        told_in_time.set()

    fetch(server + "/slow", tmp_path / "x", hear)
    assert told[0] == 1000
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("/missing", "cannot be downloaded: the server answers 404 Not Found"),
        ("/short", "/short (ended after 1000 of 1024000 bytes; try again|cannot be downloaded)"),
        ("/moved-out", "http://example.org/x is not an https address"),
    ],
)
def test_downloads_that_fail(server: str, tmp_path: Path, page: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        fetch(server + page, tmp_path / "x")


@pytest.mark.parametrize("page", ["/m.safetensors", "/unsized"])
def test_too_large(server: str, tmp_path: Path, page: str) -> None:
    with pytest.raises(ModelError, match=r"is larger than 0\.001 GB"):
        fetch(server + page, tmp_path / "x", max_bytes=1_000_000)


@pytest.mark.parametrize("url", ["http://example.org/m", "ftp://example.org/m", "file:///etc/passwd", "https:x://y"])
def test_only_https(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelError, match=r"is not an https address|cannot be downloaded"):
        fetch(url, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be downloaded .*or download it elsewhere and install the file"):
        fetch("http://127.0.0.1:9/m", tmp_path / "x")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"The model file .*no\.safetensors does not exist; check the path"):
        fetch(str(tmp_path / "no.safetensors"), tmp_path / "x")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "m.safetensors"
    source.touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(
        ModelError, match=r"m\.safetensors cannot be read \(Permission denied\); check its access rights"
    ):
        fetch(str(source), tmp_path / "x")


def test_file_names() -> None:
    assert file_name("https://example.org/a/m%20x.safetensors?download=1") == "m x.safetensors"
    assert file_name("/home/me/m.safetensors") == "m.safetensors"
