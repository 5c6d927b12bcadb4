"""The build backend: scikit-build-core's, on a copy of this folder that has what lies elsewhere in the repository.

So a source distribution has the C library and the license in it, and builds on its own; wheels have the license.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from scikit_build_core import build as _build
from scikit_build_core.build import *  # noqa: F403

_LIBRARY = Path("libshmq")
_JUNK = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.so", "*.egg-info")


@contextmanager
def _whole() -> Iterator[None]:
    here = Path.cwd()
    if _LIBRARY.exists() or not (here.parent / "c" / "src").exists():  # a source distribution, or CMake says what is missing
        yield
        return
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp) / "shmq"
        shutil.copytree(here, copy, ignore=_JUNK)
        for part in ("include", "src"):
            shutil.copytree(here.parent / "c" / part, copy / _LIBRARY / part)
        shutil.copy(here.parent.parent / "LICENSE", copy)
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(here)


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    directory = os.path.abspath(sdist_directory)
    with _whole():
        return _build.build_sdist(directory, config_settings)


def build_wheel(
    wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None, metadata_directory: Optional[str] = None
) -> str:
    directory = os.path.abspath(wheel_directory)
    metadata = None if metadata_directory is None else os.path.abspath(metadata_directory)
    with _whole():
        return _build.build_wheel(directory, config_settings, metadata)
