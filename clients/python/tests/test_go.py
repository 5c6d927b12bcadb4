"""The same queues from Go: shmq-send and shmq-recv at the other end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

import shmq
from conftest import PATIENCE, Crew

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands, built once."""
    if shutil.which("go") is None:
        pytest.skip("there is no go, so nothing to speak with")
    if not (ROOT / "cmd" / "shmq-send").is_dir():
        pytest.skip("not in a checkout of the project, so there are no commands to build")
    folder = Path(os.environ.get("SHMQ_TEST_BIN") or tmp_path_factory.mktemp("bin"))
    if not (folder / "shmq-send").exists():
        folder.mkdir(parents=True, exist_ok=True)
        env = dict(os.environ, CGO_ENABLED="0")
        subprocess.run(["go", "build", "-o", f"{folder}/", "./cmd/shmq-send", "./cmd/shmq-recv"], cwd=ROOT, env=env, check=True)
    return folder


def test_lines_from_go(go: Path, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    with shmq.Consumer[str]("q", until_end=True, strict=True) as c:
        lines = [f"line {i}" for i in range(2000)]
        send = subprocess.Popen([go / "shmq-send", "q", "--close"], stdin=subprocess.PIPE, text=True)
        assert send.stdin is not None
        send.stdin.write("\n".join(lines[:3]) + "\n")
        send.stdin.flush()
        got = [c.receive(PATIENCE) for _ in range(3)]
        send.stdin.write("\n".join(lines[3:]))
        send.stdin.close()
        got += [rec.value for rec in c]
        assert got == lines and send.wait() == 0


def test_values_from_go(go: Path) -> None:
    shmq.create("q")
    json = '{"name": "Ada", "grades": [1, 2.5, null], "id": 9007199254740993}'
    subprocess.run([go / "shmq-send", "q", "--format", "json"], input=json, text=True, check=True)
    with shmq.Consumer[Any]("q") as c:
        assert c.receive() == {"name": "Ada", "grades": [1, 2.5, None], "id": 9007199254740993}


def test_values_to_go(go: Path, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    recv = subprocess.Popen(
        [go / "shmq-recv", "q", "--until-eof", "--strict", "--format", "json"], stdout=subprocess.PIPE, text=True
    )
    with shmq.Producer[Any]("q") as p:
        p.send({"name": "Ada", "id": 2**63})
        p.send_many(range(100))
    out, _ = recv.communicate(timeout=PATIENCE)
    assert recv.returncode == 0
    assert out.splitlines() == ['{"name":"Ada","id":9223372036854775808}', *map(str, range(100))]


def test_an_exception_breaks_the_stream_off_for_go(go: Path) -> None:
    shmq.create("q")
    recv = subprocess.Popen([go / "shmq-recv", "q", "--until-eof", "--strict"], stdout=subprocess.PIPE, stderr=-1, text=True)
    with pytest.raises(KeyError), shmq.Producer[str]("q") as p:
        p.send("x")
        raise KeyError
    assert recv.communicate(timeout=PATIENCE)[0] == "x\n" and recv.returncode == 76


def test_go_takes_what_a_killed_python_left(go: Path, crew: Crew, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    a = crew.agent("consumer")
    with shmq.Producer[str]("q") as p:
        p.send("x")
        assert a.do("lease 1").startswith("0:")
        a.kill()
        out = subprocess.run(
            [go / "shmq-recv", "q", "--count", "1", "--show-redelivered", "--timeout", "20s"], capture_output=True, text=True
        )
        assert out.stdout == "1\tx\n"


def test_python_takes_what_a_killed_go_left(go: Path, crew: Crew, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    with shmq.Producer[str]("q") as p, shmq.Consumer[str]("other") as other:
        recv = crew.run(str(go / "shmq-recv"), "q", "--exec", f"{go / 'shmq-send'} other; sleep 1000")
        p.send("x")
        assert other.receive(PATIENCE) == "x"  # the command runs, and holds the record
        recv.kill()
        with shmq.Consumer[str]("q") as c:
            rec = c.lease(PATIENCE)
            assert rec.value == "x" and rec.redelivered == 1 and rec.ack()


@pytest.fixture(autouse=True)
def no_commands_left() -> Iterator[None]:
    yield
    me = str(os.environ["SHMQ_DIR"])
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit() and int(proc.name) != os.getpid():
            try:
                environ = (proc / "environ").read_bytes().split(b"\0")
                if f"SHMQ_DIR={me}".encode() in environ and b"sleep" in (proc / "cmdline").read_bytes():
                    os.kill(int(proc.name), 9)
            except OSError:
                pass
