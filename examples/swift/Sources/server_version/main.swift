// Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

import CTemporal

struct Failure: Error {
    let message: String
}

/// Copies of texts. The library may read them as long as this object exists.
final class Lent {
    private var copies: [UnsafeMutablePointer<UInt8>] = []

    func lend(_ text: String) -> TemporalCoreByteArrayRef {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        copies.append(copy)
        return TemporalCoreByteArrayRef(data: copy, size: bytes.count)
    }

    deinit {
        copies.forEach { $0.deallocate() }
    }
}

func contents(_ bytes: UnsafePointer<TemporalCoreByteArray>) -> [UInt8] {
    Array(UnsafeBufferPointer(start: bytes.pointee.data, count: bytes.pointee.size))
}

/// A client. Its calls block the calling thread, and need no callback.
final class Client {
    private let runtime: OpaquePointer
    private let queue: OpaquePointer
    private var connection: OpaquePointer?

    init(url: String) throws {
        var runtimeOptions = TemporalCoreRuntimeOptions()
        let made = temporal_core_runtime_new(&runtimeOptions)
        runtime = made.runtime
        queue = temporal_static_libs_queue_new()
        if let fail = made.fail {
            throw Failure(message: String(decoding: contents(fail), as: UTF8.self))
        }
        let lent = Lent()
        var options = TemporalCoreConnectionOptions()
        options.target_url = lent.lend(url)
        options.client_name = lent.lend("temporal-swift-example")
        options.client_version = lent.lend("1.0.0")
        options.identity = lent.lend("temporal-swift-example")
        // The library may read the options until the result arrives.
        _ = try withExtendedLifetime(lent) {
            try withUnsafePointer(to: options) { options -> [UInt8] in
                temporal_core_client_connect(
                    runtime, options, temporal_static_libs_queue_tag(queue, 0),
                    temporal_static_libs_on_client_connect)
                return try result()
            }
        }
    }

    deinit {
        temporal_core_client_free(connection)
        temporal_core_runtime_free(runtime)
        temporal_static_libs_queue_free(queue)
    }

    /// Calls an RPC of the workflow service whose request has no fields. The response is protobuf.
    func call(_ rpc: String) throws -> [UInt8] {
        let lent = Lent()
        var options = TemporalCoreRpcCallOptions()
        options.service = TemporalCoreRpcService_Workflow
        options.rpc = lent.lend(rpc)
        options.retry = true
        return try withExtendedLifetime(lent) {
            try withUnsafePointer(to: options) { options -> [UInt8] in
                temporal_core_client_rpc_call(
                    connection, options, temporal_static_libs_queue_tag(queue, 0),
                    temporal_static_libs_on_client_rpc_call)
                return try result()
            }
        }
    }

    /// Waits for the only call in flight. Keeps a connection, and returns a response.
    private func result() throws -> [UInt8] {
        var event = TemporalStaticLibsEvent()
        event.size = MemoryLayout<TemporalStaticLibsEvent>.stride
        _ = temporal_static_libs_queue_next(queue, -1, &event)
        defer { temporal_static_libs_event_free(&event) }
        if let fail = event.fail {
            throw Failure(message: String(decoding: contents(fail), as: UTF8.self))
        }
        if let made = event.connection {
            connection = made
            event.connection = nil  // keeps the connection
        }
        return event.success.map(contents) ?? []
    }
}

temporal_require_matching_archive()
let client = try Client(url: CommandLine.arguments[1])
let response = try client.call("GetSystemInfo")
// temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
let version = response.dropFirst(2).prefix(Int(response[1]))
print("server version: \(String(decoding: version, as: UTF8.self))")
