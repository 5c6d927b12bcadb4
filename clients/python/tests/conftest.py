from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple

import pytest

import shmq

PATIENCE = 20.0  #: how long a test waits for what has to happen; it decides only how late a failure is told

Record = Tuple[int, str]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {PATIENCE} s"
        time.sleep(0.001)


class Process:
    """A child that is spoken to by lines, and killed at the end of the test."""

    def __init__(self, *command: str, stdin: Optional[int] = subprocess.PIPE) -> None:
        self.popen = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True, bufsize=1)

    @property
    def pid(self) -> int:
        return self.popen.pid

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def hear(self) -> str:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()  # the time-out of the whole run ends a hang
        assert line, f"process {self.pid} ended: {self.popen.wait()}"
        return line.rstrip("\n")

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        self.kill()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass


class Agent(Process):
    def __init__(self) -> None:
        super().__init__(sys.executable, str(Path(__file__).with_name("agent.py")))
        assert self.hear() == "ready"

    def do(self, line: str) -> str:
        self.say(line)
        return self.ok()

    def ok(self) -> str:
        word, _, rest = self.hear().partition(" ")
        assert word == "ok", rest
        return rest

    def fails(self, line: str) -> str:
        self.say(line)
        word, _, rest = self.hear().partition(" ")
        assert word == "err", rest
        return rest

    def lease(self, n: int = 1) -> List[Record]:
        return records(self.do(f"lease {n}"))


def records(reply: str) -> List[Record]:
    found = []
    for part in reply.split():
        times, _, data = part.partition(":")
        found.append((int(times), bytes.fromhex(data).decode()))
    return found


class Crew:
    """Starts processes, and ends them with the test."""

    def __init__(self) -> None:
        self.all: List[Process] = []

    def agent(self, role: str = "", queue: str = "q") -> Agent:
        a = Agent()
        self.all.append(a)
        if role:
            a.do(f"{role} {queue}")
        return a

    def python(self, program: str) -> Process:
        p = Process(sys.executable, "-c", program)
        self.all.append(p)
        return p

    def run(self, *command: str) -> Process:
        p = Process(*command)
        self.all.append(p)
        return p


@pytest.fixture(autouse=True)
def directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for the test's queues."""
    path = tmp_path_factory.mktemp("queues")
    monkeypatch.setenv("SHMQ_DIR", str(path))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def crew() -> Iterator[Crew]:
    c = Crew()
    yield c
    for p in c.all:
        p.end()


@pytest.fixture(params=["one to one", "one to many", "many to one", "many to many"])
def mode(request: pytest.FixtureRequest) -> shmq.Shape:
    producers, _, consumers = request.param.partition(" to ")
    return shmq.Shape(slots=16, slot_size=64, producers=producers, consumers=consumers)


