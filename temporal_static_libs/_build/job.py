"""A Windows job object: a program and everything it starts, which end together.

The job also ends when the process that holds it ends, even if that is killed.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes
from typing import Any

# https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-jobobject_extended_limit_information
_EXTENDED_LIMITS = 9
_KILL_ON_CLOSE = 0x2000
# Access rights needed to put a process into a job: SET_QUOTA and TERMINATE.
_ACCESS = 0x0101


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", wintypes.DWORD),
        ("smallest_set", ctypes.c_size_t),
        ("largest_set", ctypes.c_size_t),
        ("processes", wintypes.DWORD),
        ("affinity", ctypes.c_size_t),
        ("priority", wintypes.DWORD),
        ("scheduling", wintypes.DWORD),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("basic", _BasicLimits),
        ("counters", ctypes.c_uint64 * 6),
        ("memory", ctypes.c_size_t * 4),
    )


class Job:
    """A job with a program and everything that the program starts from now on."""

    _system: Any
    _handle: wintypes.HANDLE

    def __init__(self, process: int) -> None:
        """Create a job with a process in it.

        Args:
            process: the process ID of the program.

        Raises:
            OSError: Windows does not allow it.
        """
        if sys.platform != "win32":
            raise NotImplementedError
        self._system = ctypes.WinDLL("kernel32", use_last_error=True)
        for function in (self._system.CreateJobObjectW, self._system.OpenProcess):
            function.restype = wintypes.HANDLE
        self._handle = wintypes.HANDLE(self._system.CreateJobObjectW(None, None))
        self._check(self._handle.value)
        opened = wintypes.HANDLE(self._system.OpenProcess(_ACCESS, False, process))
        try:
            self._check(opened.value)
            self._limit(_KILL_ON_CLOSE)
            self._check(self._system.AssignProcessToJobObject(self._handle, opened))
        except OSError:
            self._close()
            raise
        finally:
            self._system.CloseHandle(opened)

    def end(self) -> None:
        """End every process in it."""
        self._system.TerminateJobObject(self._handle, 1)
        self._close()

    def release(self) -> None:
        """Let processes that still run continue, such as sccache's server."""
        self._limit(0)
        self._close()

    def _limit(self, flags: int) -> None:
        limits = _ExtendedLimits(_BasicLimits(flags=flags))
        size = ctypes.sizeof(limits)
        self._check(
            self._system.SetInformationJobObject(
                self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), size
            )
        )

    def _check(self, result: int | None) -> None:
        if sys.platform == "win32" and not result:
            raise ctypes.WinError(ctypes.get_last_error())

    def _close(self) -> None:
        self._system.CloseHandle(self._handle)
