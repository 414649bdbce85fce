#include "temporal.hpp"

#include <future>
#include <memory>

namespace temporal {
namespace {

struct FreeBytes {
    void operator()(const TemporalCoreByteArray *bytes) const noexcept {
        temporal_core_byte_array_free(nullptr, bytes);
    }
};
using Bytes = std::unique_ptr<const TemporalCoreByteArray, FreeBytes>;

std::string text(const Bytes &bytes) {
    return {reinterpret_cast<const char *>(bytes->data), bytes->size};
}

TemporalCoreByteArrayRef borrow(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

struct Connected {
    TemporalCoreConnection *connection;
    Bytes failure;
};

struct Response {
    Bytes success;
    std::uint32_t status;
    Bytes message;
    Bytes details;
};

// A callback comes once, on a thread of the core, into which no exception may go; setting a promise
// for the first time throws none. The callback owns its promise: the thread that waits may be gone
// from the call before the promise is done with setting.

template <typename Answer> std::unique_ptr<std::promise<Answer>> own(void *user_data) {
    return std::unique_ptr<std::promise<Answer>>(static_cast<std::promise<Answer> *>(user_data));
}

void on_connected(void *user_data, TemporalCoreConnection *success,
                  const TemporalCoreByteArray *fail) {
    own<Connected>(user_data)->set_value({success, Bytes(fail)});
}

void on_response(void *user_data, const TemporalCoreByteArray *success, std::uint32_t status,
                 const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
    own<Response>(user_data)->set_value({Bytes(success), status, Bytes(message), Bytes(details)});
}

} // namespace

Runtime::Runtime() {
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    const TemporalCoreRuntimeOptions options{};
    const TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
    runtime_.reset(made.runtime);
    if (const Bytes failure{made.fail}) {
        throw Error(text(failure), 0);
    }
}

Client::Client(const Runtime &runtime, std::string_view url) {
    TemporalCoreConnectionOptions options{};
    options.target_url = borrow(url);
    options.client_name = borrow("temporal-cpp-example");
    options.client_version = borrow("1.0.0");
    options.identity = borrow("temporal-cpp-example");
    auto promise = std::make_unique<std::promise<Connected>>();
    auto future = promise->get_future();
    temporal_core_client_connect(runtime.get(), &options, promise.release(), on_connected);
    const Connected connected = future.get();
    if (connected.failure) {
        throw Error(text(connected.failure), 0);
    }
    connection_.reset(connected.connection);
}

std::string Client::call(std::string_view rpc, std::string_view request) const {
    TemporalCoreRpcCallOptions options{};
    options.service = TemporalCoreRpcService_Workflow;
    options.rpc = borrow(rpc);
    options.req = borrow(request);
    options.retry = true;
    auto promise = std::make_unique<std::promise<Response>>();
    auto future = promise->get_future();
    temporal_core_client_rpc_call(connection_.get(), &options, promise.release(), on_response);
    const Response response = future.get();
    if (!response.success) {
        throw Error(std::string(rpc) + ": " + text(response.message), response.status);
    }
    return text(response.success);
}

} // namespace temporal
