#include "temporal.hpp"

#include <exception>
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

// A callback comes once, on a thread of the core. No exception may leave it: the process would abort. So
// the thread that waits gets whatever is thrown here. The callback owns its promise: that thread may be
// gone from the call before the promise is done with setting.

template <typename Answer, typename Make> void settle(void *user_data, Make make) noexcept {
    const std::unique_ptr<std::promise<Answer>> promise(
        static_cast<std::promise<Answer> *>(user_data));
    try {
        promise->set_value(make());
    } catch (...) {
        promise->set_exception(std::current_exception());
    }
}

void on_connected(void *user_data, TemporalCoreConnection *success,
                  const TemporalCoreByteArray *fail) noexcept {
    settle<Connected>(user_data, [=] { return Connected{success, Bytes(fail)}; });
}

void on_response(void *user_data, const TemporalCoreByteArray *success, std::uint32_t status,
                 const TemporalCoreByteArray *message,
                 const TemporalCoreByteArray *details) noexcept {
    settle<Response>(user_data, [=] {
        return Response{Bytes(success), status, Bytes(message), Bytes(details)};
    });
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
