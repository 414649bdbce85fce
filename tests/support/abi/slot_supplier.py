"""A slot supplier that a test implements."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.abi.capi import CApi
from tests.support.abi.worker import SlotSupplier


@dataclass(frozen=True)
class Reservation:
    """The arguments of a ``reserve`` or ``try_reserve``."""

    slot_type: int
    task_queue: str
    worker_identity: str
    worker_build_id: str
    is_sticky: bool


SlotInfo = dict[str, Any]
"""The tag's name and the fields of a ``TemporalCoreSlotInfo``."""


class CustomSupplier:
    """Records every callback. By default, grants every reservation at once.

    Attributes:
        reservations: the arguments of each ``reserve``.
        pending: completion contexts that nobody has answered yet.
        cancelled: completion contexts passed to ``cancel_reserve``.
        granted: granted permits, in order.
        used: permits marked as used, with their uses.
        released: released permits, with their uses; None if unused.
        freed: how often ``free`` was called.
        late: callbacks that came after ``free``.
        errors: errors inside callbacks, which nobody catches.
        available: the result of ``available_slots``; None for "not known".
    """

    def __init__(
        self, api: CApi, *, grant: bool = True, without: tuple[str, ...] = ("available_slots",)
    ) -> None:
        self.api = api
        self.grant = grant
        self.confirm = True
        self.available: int | None = None
        self.reservations: list[Reservation] = []
        self.tries: list[Reservation] = []
        self.pending: list[Any] = []
        self.cancelled: list[Any] = []
        self.granted: list[int] = []
        self.used: list[tuple[int, SlotInfo]] = []
        self.released: list[tuple[int, SlotInfo | None]] = []
        self.freed = 0
        self.late: list[str] = []
        self.errors: list[Any] = []
        self.on_cancel: Callable[[Any], None] | None = None
        self._permits = itertools.count(1)
        self._lock = threading.Lock()
        names = {
            "reserve": "Reserve",
            "cancel_reserve": "CancelReserve",
            "try_reserve": "TryReserve",
            "mark_used": "MarkUsed",
            "release": "Release",
            "available_slots": "AvailableSlots",
            "free": "Free",
        }
        self.user_data = api.ffi.new("char *")
        self._callbacks = {
            name: api.ffi.callback(
                f"TemporalCoreCustomSlotSupplier{kind}Callback",
                getattr(self, f"_{name}"),
                onerror=lambda _kind, error, _traceback: self.errors.append(error),
            )
            for name, kind in names.items()
            if name not in without
        }
        self.struct = api.new(
            "TemporalCoreCustomSlotSupplierCallbacks", user_data=self.user_data, **self._callbacks
        )

    @property
    def supplier(self) -> SlotSupplier:
        """The supplier, for ``worker_options``."""
        return {"tag": 2, "custom": {"_0": self.struct}}

    def permit(self) -> int:
        """Return a new permit."""
        with self._lock:
            return next(self._permits)

    def complete(self, completion_ctx: Any, permit: int | None = None) -> bool:
        """Answer a reservation; return whether that consumed it."""
        number = self.permit() if permit is None else permit
        completed = self.api.lib.temporal_core_complete_async_reserve(completion_ctx, number)
        if completed:
            with self._lock:
                self.granted.append(number)
        return bool(completed)

    def complete_cancel(self, completion_ctx: Any) -> bool:
        """Confirm a cancellation; return whether that consumed it."""
        return bool(self.api.lib.temporal_core_complete_async_cancel_reserve(completion_ctx))

    def _told(self, ctx: Any, user_data: Any, name: str) -> Reservation:
        self._arrived(name, user_data)
        text = self.api.text
        return Reservation(
            ctx.slot_type,
            text(ctx.task_queue),
            text(ctx.worker_identity),
            text(ctx.worker_build_id),
            ctx.is_sticky,
        )

    def _arrived(self, name: str, user_data: Any) -> None:
        assert user_data == self.user_data
        if self.freed:
            self.late.append(name)

    def _info(self, info: Any) -> SlotInfo:
        text = self.api.text
        variant = {
            0: ("workflow", info.workflow_slot_info, ("workflow_type", "is_sticky")),
            1: ("activity", info.activity_slot_info, ("activity_type",)),
            2: ("local activity", info.local_activity_slot_info, ("activity_type",)),
            3: ("nexus", info.nexus_slot_info, ("operation", "service")),
        }[info.tag]
        name, body, fields = variant
        values = {field: getattr(body, field) for field in fields}
        return {"kind": name} | {
            field: value if isinstance(value, bool) else text(value)
            for field, value in values.items()
        }

    def _reserve(self, ctx: Any, completion_ctx: Any, user_data: Any) -> None:
        told = self._told(ctx, user_data, "reserve")
        with self._lock:
            self.reservations.append(told)
            if not self.grant:
                self.pending.append(completion_ctx)
        if self.grant:
            assert self.complete(completion_ctx), "a new reservation was not accepted"

    def _cancel_reserve(self, completion_ctx: Any, user_data: Any) -> None:
        self._arrived("cancel_reserve", user_data)
        self.cancelled.append(completion_ctx)
        if self.on_cancel is not None:
            self.on_cancel(completion_ctx)
        elif self.confirm:
            assert self.complete_cancel(completion_ctx)

    def _try_reserve(self, ctx: Any, user_data: Any) -> int:
        self.tries.append(self._told(ctx, user_data, "try_reserve"))
        if not self.grant:
            return 0
        number = self.permit()
        with self._lock:
            self.granted.append(number)
        return number

    def _mark_used(self, ctx: Any, user_data: Any) -> None:
        self._arrived("mark_used", user_data)
        self.used.append((ctx.slot_permit, self._info(ctx.slot_info)))

    def _release(self, ctx: Any, user_data: Any) -> None:
        self._arrived("release", user_data)
        info = None if ctx.slot_info == self.api.NULL else self._info(ctx.slot_info)
        self.released.append((ctx.slot_permit, info))

    def _available_slots(self, available: Any, user_data: Any) -> bool:
        self._arrived("available_slots", user_data)
        if self.available is None:
            return False
        available[0] = self.available
        return True

    def _free(self, userimpl: Any) -> None:
        assert userimpl == self.struct
        self.freed += 1
