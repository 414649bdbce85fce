"""Ask a Temporal server for its version. Usage: server_version.py LIBRARY INTERFACE URL."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from temporal import Interface

library, description, url = sys.argv[1:]
interface = Interface(library, description)
c, struct = interface.functions, interface.struct
lent: list[Any] = []  # must stay alive until the results arrive


def lend(text: str) -> Any:
    """Lend a text to the library."""
    lent.append(ctypes.create_string_buffer(text.encode()))
    return struct("TemporalCoreByteArrayRef")(ctypes.addressof(lent[-1]), len(lent[-1]) - 1)


def contents(address: int) -> bytes:
    """Copy an array that the library owns."""
    array = struct("TemporalCoreByteArray").from_address(address)
    return ctypes.string_at(array.data, array.size)


def call(name: str, handle: int, options: Any) -> Any:
    """Call an asynchronous function, and wait for its event on the queue."""
    callback = ctypes.cast(getattr(c, f"temporal_static_libs_on_{name}"), ctypes.c_void_p)
    tag = c.temporal_static_libs_queue_tag(queue, 0)
    getattr(c, f"temporal_core_{name}")(handle, ctypes.byref(options), tag, callback)
    event = struct("TemporalStaticLibsEvent")(size=ctypes.sizeof(struct("TemporalStaticLibsEvent")))
    c.temporal_static_libs_queue_next(queue, -1, ctypes.byref(event))
    if event.fail:
        sys.exit(contents(event.fail).decode())
    return event


made = c.temporal_core_runtime_new(ctypes.byref(struct("TemporalCoreRuntimeOptions")()))
if made.fail:
    sys.exit(contents(made.fail).decode())
queue = c.temporal_static_libs_queue_new()
me = {"client_name": lend("ctypes"), "client_version": lend("1.0.0"), "identity": lend("ctypes")}
options = struct("TemporalCoreConnectionOptions")(target_url=lend(url), **me)
connection = call("client_connect", made.runtime, options).connection
options = struct("TemporalCoreRpcCallOptions")(rpc=lend("GetSystemInfo"), retry=True)
options.service = interface.constants["TemporalCoreRpcService_Workflow"]
response = contents(call("client_rpc_call", connection, options).success)
# temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
print("server version:", response[2 : 2 + response[1]].decode())
c.temporal_core_client_free(connection)
c.temporal_core_runtime_free(made.runtime)
c.temporal_static_libs_queue_free(queue)
