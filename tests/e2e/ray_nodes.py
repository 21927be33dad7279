"""A Ray cluster by the commands of docs/scale.md: a head and nodes with one CPU each, with a token."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.nodes import QUICK

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")
DOCUMENTED = {
    "head" if "--head" in command else "node": command
    for command in re.findall(r"^    (ray start .+)$", (ROOT / "docs" / "scale.md").read_text(), re.MULTILINE)
}
"""The commands of docs/scale.md that start the head and a node."""
START_SECONDS = 120.0
WORKER = b"bot.executor.worker"


@dataclass
class RayCluster:
    """`nodes` are the processes of `ray start`, whose descendants are a node; the head is not among them."""

    address: str
    environment: dict[str, str]
    """What a process needs to be let in."""
    head: asyncio.subprocess.Process
    nodes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def add_node(self) -> asyncio.subprocess.Process:
        """Let another node join."""
        command = DOCUMENTED["node"].replace("HEAD:6379", self.address)
        node = await _start(self.environment, command, "--num-cpus", "1")
        self.nodes.append(node)
        return node

    def kill_node(self, node: asyncio.subprocess.Process) -> None:
        """End all processes of a node, as a power cut would."""
        self.nodes.remove(node)
        for pid in pids_of(node):
            _signal(pid, signal.SIGKILL)

    def freeze_workers(self) -> None:
        """Stop the worker processes of all nodes where they are."""
        for pid in self.workers():
            _signal(pid, signal.SIGSTOP)

    def thaw_workers(self) -> None:
        """Let the worker processes that live go on."""
        for pid in self.workers():
            _signal(pid, signal.SIGCONT)

    def workers(self) -> list[int]:
        """Return the process ids of the workers that render."""
        return [pid for node in self.nodes for pid in workers_of(node)]


@asynccontextmanager
async def ray_cluster(nodes: int, **environment: str) -> AsyncIterator[RayCluster]:
    """Start a cluster that asks for a token, and end it after the block.

    environment: further variables of the workers, which have those of their node.
    """
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        port = _free_port()
        command = DOCUMENTED["head"].replace("6379", str(port))
        head = await _start(environment, command, "--temp-dir", folder, "--system-config", json.dumps(QUICK))
        cluster = RayCluster(f"127.0.0.1:{port}", environment, head)
        try:
            for _ in range(nodes):
                await cluster.add_node()
            yield cluster
        finally:
            for process in (*cluster.nodes, head):
                for pid in pids_of(process):
                    _signal(pid, signal.SIGKILL)
                await process.wait()


def pids_of(process: asyncio.subprocess.Process) -> list[int]:
    """Return a living process and its descendants, parents first."""
    found = [process.pid] if process.returncode is None else []
    for pid in found:
        found += _children(pid)
    return found


def workers_of(node: asyncio.subprocess.Process) -> list[int]:
    """Return the process ids of the workers that render on a node."""
    return [pid for pid in pids_of(node) if WORKER in _read(pid, "cmdline")]


def listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens."""
    inodes = set()
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(link.readlink()))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in inodes:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def command(pid: int) -> str:
    """Return a process's command line, empty once it has ended."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode().strip()


async def _start(environment: dict[str, str], command: str, *arguments: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(str(RAY), *command.split()[1:], "--block", *arguments),
        env=os.environ | environment | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(START_SECONDS):
        async for line in process.stdout:
            lines.append(line.decode())
            if "Ray runtime started" in lines[-1]:
                return process
    raise RuntimeError(f"ray start ended: {''.join(lines)}")


def _children(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _read(pid: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
