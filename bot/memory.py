"""Main memory: what this process may still take, paging file and limits included, and what one holds."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import re
from pathlib import Path


def available_gb() -> float | None:
    """Return what can still be allocated, in GB of 10^9 bytes, or None where the system does not say.

    Linux: memory and swap that are free, within the limits of the process and of its control group. Windows:
    what may still be committed, which the paging file bounds.
    """
    system = platform.system()
    if system == "Linux":
        return min(_linux()) / 1e9
    if system == "Windows":
        return _windows() / 1e9
    return None


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, 0 where it is gone or the system is not Linux."""
    return _status_bytes(pid, "VmRSS")


def peak_resident_bytes(pid: int) -> int:
    """Return the most resident memory that a process has had, 0 as in `resident_bytes`."""
    return _status_bytes(pid, "VmHWM")


def _status_bytes(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return 1024 * int(found[1]) if found else 0
    return 0


def _linux() -> list[float]:
    """Return every bound on this process, in bytes."""
    import resource

    found = dict(re.findall(r"(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text()))
    bounds = [1024.0 * (int(found["MemAvailable"]) + int(found["SwapFree"]))]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        bounds.append(float(limit))
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # no control group, or “max”
        bounds.append(
            float((group / "memory.max").read_text()) - float((group / "memory.current").read_text())
        )
    return bounds


def _windows() -> float:
    """Return MEMORYSTATUSEX.ullAvailPageFile of GlobalMemoryStatusEx, in bytes."""

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *(
                (name, ctypes.c_uint64)
                for name in ("total", "free", "total_page", "free_page", "a", "b", "c")
            ),
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return float(status.free_page)
