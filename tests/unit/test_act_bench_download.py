"""The download of a file, from a server on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from act_bench_files import make_entries
from typer.testing import CliRunner

from actsearch.benchmark.act_bench.download import ATTEMPTS, download, fetch, record_path, verify
from actsearch.benchmark.act_bench.format import ActBenchError
from actsearch.cli.app import app, load_commands


class Server:
    """One file over HTTP, and what was asked for."""

    def __init__(self) -> None:
        self.content = json.dumps(make_entries(["relu(x)", "exp(x)"])).encode() * 400
        self.etag: str | None = '"one"'
        self.cuts: list[int] = []
        """Bytes after which each coming answer breaks off."""
        self.status = 200
        self.heeds_tag = True
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.headers["Range"])
                if server.status != 200:
                    self.send_error(server.status)
                    return
                start = 0
                same = self.headers["If-Range"] == server.etag or not server.heeds_tag
                if self.headers["Range"] and same:
                    start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                    if start >= len(server.content):
                        self.send_error(416)
                        return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(server.content) - start))
                if server.etag:
                    self.send_header("ETag", server.etag)
                self.end_headers()
                cut = server.cuts.pop(0) if server.cuts else len(server.content)
                self.wfile.write(server.content[start : start + cut])

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/file.json"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_it_comes_whole_and_progress_is_told(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "data" / "file.json"
    known = download(server.address, path, lambda done, of: told.append((done, of)))
    assert path.read_bytes() == server.content
    assert known == {"etag": '"one"'}
    assert told[-1] == (len(server.content),) * 2
    assert hidden(path.parent) == []


def test_what_breaks_off_goes_on_from_there(server: Server, tmp_path: Path) -> None:
    server.cuts = [1000, 2000]
    path = tmp_path / "file.json"
    download(server.address, path, pause=0)
    assert path.read_bytes() == server.content
    assert server.asked == [None, "bytes=1000-", "bytes=3000-"]


def test_a_later_call_goes_on_too(server: Server, tmp_path: Path) -> None:
    server.cuts = [1000] * ATTEMPTS
    path = tmp_path / "file.json"
    with pytest.raises(
        ActBenchError, match=r"5,000 of [\d,]+ bytes came\). What has arrived is kept"
    ):
        download(server.address, path, pause=0)
    assert not path.exists()
    server.asked.clear()
    download(server.address, path, pause=0)
    assert path.read_bytes() == server.content
    assert server.asked == ["bytes=5000-"]


def test_another_file_is_not_joined_to_the_beginning_of_the_first(
    server: Server, tmp_path: Path
) -> None:
    server.cuts = [1000] * ATTEMPTS
    path = tmp_path / "file.json"
    with pytest.raises(ActBenchError):
        download(server.address, path, pause=0)
    server.etag, server.content = '"two"', server.content[::-1]
    download(server.address, path, pause=0)
    assert path.read_bytes() == server.content
    assert hidden(tmp_path) == []


def test_a_server_that_heeds_no_tag_joins_nothing_either(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.json.part").write_bytes(b"old")
    (tmp_path / ".file.json.etag").write_text('"old"')
    server.heeds_tag = False
    download(server.address, tmp_path / "file.json", pause=0)
    assert (tmp_path / "file.json").read_bytes() == server.content
    assert server.asked == ["bytes=3-", None]


def test_a_beginning_that_is_too_long_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.json.part").write_bytes(server.content + b"more")
    (tmp_path / ".file.json.etag").write_text('"one"')
    download(server.address, tmp_path / "file.json", pause=0)
    assert (tmp_path / "file.json").read_bytes() == server.content


def test_without_a_tag_it_begins_anew(server: Server, tmp_path: Path) -> None:
    server.etag, server.cuts = None, [1000]
    download(server.address, tmp_path / "file.json", pause=0)
    assert server.asked == [None, None]
    assert (tmp_path / "file.json").read_bytes() == server.content


def test_what_cannot_be_had_is_one_message(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    server.status = 404
    with pytest.raises(ActBenchError, match=r"cannot be fetched \(404 Not Found\).*put the file"):
        download(server.address, path, pause=0)
    assert len(server.asked) == 1
    server.status = 503
    with pytest.raises(ActBenchError, match="503 Service Unavailable"):
        download(server.address, path, pause=0)
    assert len(server.asked) == 1 + ATTEMPTS
    with pytest.raises(ActBenchError, match=r"cannot be fetched \(.*refused"):
        download("http://127.0.0.1:9/file.json", path, pause=0)
    with pytest.raises(ActBenchError, match="not an https address"):
        download("file:///etc/hostname", path)
    (tmp_path / "plain").touch()
    server.status = 200
    with pytest.raises(ActBenchError, match="cannot be written"):
        download(server.address, tmp_path / "plain" / "file.json", pause=0)


def test_the_checksum_is_recorded_once_and_compared_later(server: Server, tmp_path: Path) -> None:
    load_commands()
    path = tmp_path / "act-bench-cnn.json"
    command = ["fetch-act-bench", "cnn", "--out", str(path), "--address", server.address]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    record = json.loads(record_path(path).read_text())
    assert record_path(path).name == "act-bench-cnn.sha256.json"
    assert record["sha256"] == hashlib.sha256(server.content).hexdigest()
    assert record["bytes"] == len(server.content)
    assert record["address"] == server.address and record["etag"] == '"one"'
    assert verify(path) == f"sha256:{record['sha256']}"
    assert path.read_bytes() == server.content
    assert fetch(server.address, path) is None
    assert len(server.asked) == 1
    path.write_bytes(server.content[:-1])
    for use in (lambda: fetch(server.address, path), lambda: verify(path)):
        with pytest.raises(ActBenchError, match=r"act-bench-cnn.sha256.json beside it says"):
            use()
    path.unlink()
    server.content += b" "
    with pytest.raises(ActBenchError, match="or both if the new one is right"):
        fetch(server.address, path)
    record_path(path).write_text("[]")
    with pytest.raises(ActBenchError, match="holds no checksum"):
        verify(path)


def test_a_file_that_was_brought_by_hand_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "act-bench-vit.json"
    path.write_text("{}")
    assert fetch("https://nowhere.invalid/", path) == {
        "sha256": hashlib.sha256(b"{}").hexdigest(),
        "bytes": 2,
    }
