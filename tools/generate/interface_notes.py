"""What docs/interface-changes.md says that no table of facts tells, written by hand.

Each dictionary has the version of Temporal's Python package that a step ends at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BEFORE_A_TABLE: Final[Mapping[str, str]] = {
    "1.20.0": """\
`task_types` takes the place of `no_remote_activities`. You must set it: with all four members
`false`, `temporal_core_worker_new` fails with `Invalid options: At least one task type must be
enabled …`.""",
    "1.23.0": """\
Metadata became an array of refs: one `TemporalCoreByteArrayRef` for each entry, `key\\nvalue`,
in place of one text with all of them.

Headers whose names end in `-bin` go through the binary fields and
`temporal_core_client_update_binary_metadata`. In `metadata` they are errors:
`temporal_core_client_connect` and `temporal_core_client_rpc_call` fail, and
`temporal_core_client_update_metadata`, which has no way to fail, logs an error and changes
nothing.""",
    "1.24.0": """\
`TemporalCoreClient*` became `TemporalCoreConnection*`, and its options were renamed with it. The
functions kept their names, `temporal_core_client_connect` for one. Nothing else changed.""",
    "1.31.0": """\
Each constant got the name of its type in front. Temporal's release 1.30.0 has these names
already.""",
    "1.34.0": """\
Worker heartbeats now say which language runtime and system a worker runs on.""",
}

TO_DO: Final[Mapping[str, Mapping[str, str]]] = {
    "1.20.0": {
        "temporal_core_set_reserve_cancel_target": (
            "Remove the call. Cancellation names the reservation by its completion context."
        ),
        "TemporalCoreSlotReserveCtx.token_src": "Use the completion context that `reserve` gets.",
        "TemporalCoreWorkerOptions.no_remote_activities": (
            "Set `task_types`, with `enable_remote_activities` `false` where this was `true`."
        ),
        "temporal_core_complete_async_reserve": (
            "Pass the completion context. If the answer is `false` the reservation was cancelled: "
            "call `temporal_core_complete_async_cancel_reserve`."
        ),
        "temporal_core_worker_replace_client": (
            "Check the answer: NULL is success. "
            "Free a message with `temporal_core_byte_array_free`."
        ),
        "TemporalCoreCustomReserveSlotCallback": (
            "Keep the completion context, which names the reservation from now on."
        ),
        "TemporalCoreCustomCancelReserveCallback": (
            "Answer with `temporal_core_complete_async_cancel_reserve`."
        ),
        "TemporalCoreCustomMarkSlotUsedCallback": "Add the parameter `user_data`.",
        "TemporalCoreCustomReleaseSlotCallback": "Add the parameter `user_data`.",
        "TemporalCoreCustomTryReserveSlotCallback": "Add the parameter `user_data`.",
        "TemporalCoreRuntimeOptions.worker_heartbeat_duration_millis": "0: no worker heartbeats.",
        "TemporalCoreCustomSlotSupplierCallbacks.available_slots": "NULL: the number is unknown.",
        "TemporalCoreCustomSlotSupplierCallbacks.user_data": (
            "Passed to all callbacks but `free`; may be NULL."
        ),
        "TemporalCoreWorkerOptions.task_types": "Set what the worker polls for; required.",
    },
    "1.23.0": {
        "TemporalCoreMetadataRef": "Make an array of refs, one for each entry.",
        "temporal_core_client_update_metadata": (
            "Pass an array of refs; use `temporal_core_client_update_binary_metadata` for `-bin`."
        ),
        **dict.fromkeys(
            (
                "TemporalCoreOpenTelemetryOptions.headers",
                "TemporalCoreOpenTelemetryOptions.histogram_bucket_overrides",
                "TemporalCorePrometheusOptions.histogram_bucket_overrides",
                "TemporalCoreMetricsOptions.global_tags",
            ),
            "Nothing but the type's name: it stays one text of lines, `key\\nvalue\\n…`.",
        ),
        "TemporalCoreClientOptions.binary_metadata": (
            "Move headers that end in `-bin` here, with raw bytes as values."
        ),
        "TemporalCoreRpcCallOptions.binary_metadata": (
            "Move headers that end in `-bin` here, with raw bytes as values."
        ),
        "TemporalCoreWorkerOptions.plugins": "Empty: no plugins to report.",
    },
    "1.29.0": {
        "TemporalCoreConnectionOptions.dns_load_balancing_options": "NULL: no load balancing.",
        "TemporalCoreConnectionOptions.grpc_compression": (
            "0 is gzip. For no compression set `TemporalCoreClientGrpcCompression_None`."
        ),
        "TemporalCoreWorkerOptions.storage_drivers": "Empty: no storage drivers to report.",
        "UpDownCounterInteger": (
            "A custom meter can be asked for this kind. "
            "Its values are signed integers in two's complement."
        ),
    },
    "1.31.0": {
        "TemporalCoreConnectionOptions.payloads_warn_size": "0: no warnings.",
        "TemporalCoreConnectionOptions.memo_warn_size": "0: no warnings.",
        "TemporalCoreWorkerOptions.disable_payload_error_limit": (
            "`false`: payloads that are larger than the namespace allows are not sent."
        ),
        "TemporalCoreWorkerOptions.max_eager_activity_reservations_per_workflow_task": (
            "Set it: 0 switches eager activities off. The core's own default is 3."
        ),
    },
    "1.34.0": {
        "TemporalCoreRuntimeOptions.runtime_info": "Empty: heartbeats name no language runtime.",
        "TemporalCoreRuntimeOptions.disable_environment_info": (
            "`true`: heartbeats say nothing about runtime, hosting and platform."
        ),
    },
}
"""By the subject of the row; what `interface.steps` can say by itself is not here."""
