"""The examples of README.md, as they stand there: they run, and strict type checkers take them."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

import shmq

README = Path(__file__).parents[1] / "README.md"
BLOCKS: List[str] = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE) if README.exists() else []
if not BLOCKS:
    pytest.skip("README.md is not there", allow_module_level=True)

BEFORE = """
from typing import Any
import numpy as np
import shmq

def work(value: Any) -> Any:
    return value

def was_done(record: str) -> bool:
    return False

async def work_later(value: Any) -> None: ...
"""


def block(word: str) -> str:
    found = [b for b in BLOCKS if word in b]
    assert len(found) == 1, f"{len(found)} examples have {word}"
    return found[0]


def run(code: str, **names: Any) -> None:
    scope: Dict[str, Any] = {"shmq": shmq, "np": np, **names}
    exec(compile(code, str(README), "exec"), scope)


def test_students(capsys: pytest.CaptureFixture[str]) -> None:
    run(block('Producer("grades")'))
    run(block('Consumer("grades"'))
    assert capsys.readouterr().out == "Ada 1\n"


def test_a_worker() -> None:
    with shmq.Producer[int]("jobs") as p:
        p.send_many([1, 2, 3])
    # Without an end it would wait for more.
    run(block('Consumer("jobs")').replace('Consumer("jobs")', 'Consumer("jobs", until_end=True)'), work=lambda n: n * n, was_done=None)
    with shmq.Consumer[int]("done", until_end=True) as c:
        assert [rec.value for rec in c] == [1, 4, 9]


def test_asyncio() -> None:
    worked: List[Any] = []

    async def work(value: Any) -> None:
        worked.append(value)

    async def main() -> None:
        with shmq.Producer[str]("q") as producer:
            consumer = shmq.Consumer[str]("q", until_end=True)
            loop, _, send = block("asend(").partition("await producer")
            scope: Dict[str, Any] = {}
            for name, code in (("send", "await producer" + send), ("receive", loop)):
                exec(f"async def {name}(producer, consumer, work, value):\n" + textwrap.indent(code, "    "), scope)
            await scope["send"](producer, consumer, work, "x")
        await scope["receive"](producer, consumer, work, "x")
        consumer.close()

    asyncio.run(main())
    assert worked == ["x"]


def test_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    receive, _, send = block("producer.reserve").partition("with producer")
    x, y = np.arange(1000, dtype=np.float32), np.full(1000, 2, np.float32)
    with shmq.Producer[Any]("q") as producer, shmq.Consumer[Any]("q") as consumer:
        run("with producer" + send, producer=producer, x=x, y=y)
        run(receive, consumer=consumer)
    assert capsys.readouterr().out == f"{(x * y).sum()}\n"


def test_shapes() -> None:
    run(block("shmq.Shape("))
    shape = shmq.stat("jobs").shape
    assert (shape.slots, shape.slot_size, shape.consumers) == (1024, 4096, "one")


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_types(tmp_path: Path) -> None:
    code = [BEFORE]
    for i, b in enumerate(BLOCKS):
        words = ("producer: shmq.Producer, consumer: shmq.Consumer, value: Any, x: Any, y: Any") if "producer" in b else ""
        if "await work(" in b:
            b = b.replace("await work(", "await work_later(")
        code.append(f"async def example{i}({words}) -> None:\n" + textwrap.indent(b, "    "))
    file = tmp_path / "examples.py"
    file.write_text("\n".join(code))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache"), "--python-version", "3.12", str(file)],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    errors = [line for line in checked.stdout.splitlines() if line.startswith("examples.py")]
    assert errors == [] and "examples.py" not in checked.stdout, checked.stdout
