// RAII over the C interface: a runtime and a client that free themselves, failures as exceptions.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "temporal-sdk-core-c-bridge.h"

namespace temporal {

/// What the core or the server refused to do, in its own words.
class Error : public std::runtime_error {
public:
    /// @param status The server's gRPC status; 0 if the failure is the core's own.
    Error(const std::string &message, std::uint32_t status)
        : std::runtime_error(message), status_(status) {}

    std::uint32_t status() const noexcept { return status_; }

private:
    std::uint32_t status_;
};

/// The core's threads.
class Runtime {
public:
    /// @throws Error
    Runtime();

    TemporalCoreRuntime *get() const noexcept { return runtime_.get(); }

private:
    struct Free {
        void operator()(TemporalCoreRuntime *runtime) const noexcept {
            temporal_core_runtime_free(runtime);
        }
    };
    std::unique_ptr<TemporalCoreRuntime, Free> runtime_;
};

/// A connection to a server. It may outlive its runtime. Any thread may call.
class Client {
public:
    /// Connects, and waits for it.
    /// @throws Error
    Client(const Runtime &runtime, std::string_view url);

    /// Calls an RPC of the workflow service, and waits for the answer.
    /// @param rpc     Its name, such as `GetSystemInfo`.
    /// @param request Protobuf.
    /// @return Protobuf.
    /// @throws Error
    std::string call(std::string_view rpc, std::string_view request) const;

private:
    struct Free {
        void operator()(TemporalCoreConnection *connection) const noexcept {
            temporal_core_client_free(connection);
        }
    };
    std::unique_ptr<TemporalCoreConnection, Free> connection_;
};

} // namespace temporal
