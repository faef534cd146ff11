"""`python -m benchmarks.peers.install`: an environment for each peer, from its pinned requirements.

A peer that does not install here is named in one line, and tried again next time; the others go on.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.peers.known import PEERS, Peer, last_line

NEWER = ("python3.12", "python3.13", "python3.14")


def install(peer: Peer) -> None:
    """Make its environment, unless it has this one. Raises `RuntimeError` that says why it has none."""
    pins = peer.requirements.read_text()
    if peer.installed.exists() and peer.installed.read_text() == pins:
        return
    print(f"Installing {peer.name} into .venv-peers (once) ...", flush=True)
    python = _python(peer.python)
    shutil.rmtree(peer.folder, ignore_errors=True)
    _run([python, "-m", "venv", "--without-pip", str(peer.folder)])
    uv = str(Path(sys.executable).with_name("uv"))
    _run([uv, "pip", "sync", "--quiet", "--python", str(peer.folder / "bin/python"), str(peer.requirements)])
    peer.installed.write_text(pins)


def _python(oldest: tuple[int, int]) -> str:
    """A Python that is new enough: this one, or another one of the machine."""
    if sys.version_info[:2] >= oldest:
        return sys.executable
    question = f"import sys; sys.exit(sys.version_info[:2] < {oldest})"
    for python in _others():
        if not subprocess.run([python, "-c", question], capture_output=True, check=False).returncode:
            return python
    raise RuntimeError(f"it needs Python {oldest[0]}.{oldest[1]} or newer, and there is none here")


def _others() -> Iterator[str]:
    """Pythons on the PATH, and those of pyenv, which are not."""
    yield from filter(None, map(shutil.which, NEWER))
    yield from (str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python")))


def _run(command: Sequence[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(last_line(ran.stderr))


def main() -> None:
    """All peers."""
    for peer in PEERS:
        try:
            install(peer)
        except (OSError, RuntimeError) as error:
            print(f"{peer.name} is left out, it does not install here: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
