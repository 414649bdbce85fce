/// A wrapper of temporal-sdk-core-c-bridge.h for C++17 and newer: owning types, results, lambdas as
/// callbacks, completion queues. Header-only. SPDX-License-Identifier: MIT
///
/// The names are those of C: `TemporalCoreWorker` and `TemporalStaticLibsQueue` are `Worker` and `Queue`, their
/// functions are members, and `…_new` is `make`. The documentation of the C interface also applies here. For a
/// function without a member, call C with `get()`.
///
/// - Ownership: each object owns a handle and frees it. You can move objects, but not copy them. Calls on an
///   empty object, for example after a move, fail. Destroy objects in any order, but keep each until the calls
///   that you made with it have ended.
/// - Options that only need to stay valid for the duration of the call are the structs of C. Set their members
///   from a `ByteArrayRef`. Options that are needed until the call has ended derive from `Options`; the call
///   keeps them.
/// - Errors: functions that can fail return a `Result`. That is `std::expected<T, Error>` if the standard
///   library has it (C++23), otherwise `Expected<T>`, with the same members except `and_then` and similar.
///   Exceptions come only from `value()` of a failed result, and from memory that runs out before a call
///   starts. If it runs out in a callback, the process ends, as in C.
/// - Asynchronous calls take `then`, which is one of these:
///   - A callable for the `Result`. It is called exactly once, on a thread of the library or, if the call
///     cannot start, on your thread before the call returns. Then it is destroyed. It must not block, unless
///     the runtime has `callbacks_may_block`. It must be `noexcept`, which the compiler checks, because
///     exceptions must not reach the library. If it throws anyway, `std::terminate` is called.
///   - `queue.tag(number)`: the result becomes an `Event` on that queue.
///   - `wait`: the call waits, and returns the `Result`. Do not use it in a callback.
/// - Threads: several threads can use an object at once, except for moving, assigning and destroying it.
/// - Standards: C++17, C++20 and C++23 code cannot pass these types to each other. The types are in different
///   inline namespaces, so linking such code fails.

#ifndef TEMPORAL_HPP
#define TEMPORAL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif
#ifdef __cpp_lib_expected
#include <expected>
#endif

#include "temporal-sdk-core-c-bridge.h"

namespace temporal::core {
#if defined(__cpp_lib_expected)
inline namespace cxx23 {
#elif defined(__cpp_lib_span)
inline namespace cxx20 {
#else
inline namespace cxx17 {
#endif

/// Borrowed bytes, for calls or from an object: text, or any container of bytes, such as `std::string`,
/// `std::vector<std::uint8_t>`, `std::span<const std::byte>` and `ByteArray`. Does not own them.
class ByteArrayRef {
public:
    ByteArrayRef() noexcept = default;
    ByteArrayRef(TemporalCoreByteArrayRef lent) noexcept : lent_(lent) {}
    ByteArrayRef(const void *data, std::size_t size) noexcept
        : lent_{static_cast<const std::uint8_t *>(data), size} {}
    /// @param text NUL-terminated.
    ByteArrayRef(const char *text) noexcept : ByteArrayRef(std::string_view(text)) {}
    template <typename Bytes,
              std::enable_if_t<sizeof(*std::declval<const Bytes &>().data()) == 1, int> = 0>
    ByteArrayRef(const Bytes &bytes) noexcept : ByteArrayRef(bytes.data(), bytes.size()) {}

    const std::uint8_t *data() const noexcept { return lent_.data; }
    std::size_t size() const noexcept { return lent_.size; }
    const std::uint8_t *begin() const noexcept { return data(); }
    const std::uint8_t *end() const noexcept { return data() + size(); }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(data()), size()};
    }
    operator TemporalCoreByteArrayRef() const noexcept { return lent_; }

private:
    TemporalCoreByteArrayRef lent_{nullptr, 0};
};

/// Owns bytes that the library gave you.
class ByteArray {
public:
    ByteArray() noexcept = default;
    explicit ByteArray(const TemporalCoreByteArray *owned) noexcept : owned_(owned) {}

    const std::uint8_t *data() const noexcept { return owned_ ? owned_->data : nullptr; }
    std::size_t size() const noexcept { return owned_ ? owned_->size : 0; }
    const std::uint8_t *begin() const noexcept { return data(); }
    const std::uint8_t *end() const noexcept { return data() + size(); }
    std::string_view text() const noexcept { return ByteArrayRef(*this).text(); }
#ifdef __cpp_lib_span
    std::span<const std::uint8_t> span() const noexcept { return {data(), size()}; }
#endif
    const TemporalCoreByteArray *get() const noexcept { return owned_.get(); }
    const TemporalCoreByteArray *release() noexcept { return owned_.release(); }

private:
    struct Free {
        void operator()(const TemporalCoreByteArray *owned) const noexcept {
            temporal_core_byte_array_free(nullptr, owned);
        }
    };
    std::unique_ptr<const TemporalCoreByteArray, Free> owned_;
};

/// Why a call failed.
struct Error {
    std::string message{};
    /// gRPC status, if the server reported that an RPC failed; otherwise 0.
    std::uint32_t status = 0;
    /// `google.rpc.Status` protobuf, if the server reported that an RPC failed; may be empty.
    std::string details{};
};

/// Makes a failed result: `return Unexpected(error);`. Some libraries have two `std::unexpected`.
class Unexpected {
public:
    explicit Unexpected(Error error) noexcept : error_(std::move(error)) {}
    const Error &error() const noexcept { return error_; }
#ifdef __cpp_lib_expected
    template <typename T> operator std::expected<T, Error>() const {
        return std::expected<T, Error>(std::unexpect, error_);
    }
#endif

private:
    Error error_;
};

#ifdef __cpp_lib_expected
template <typename T> using Result = std::expected<T, Error>;
using BadResultAccess = std::bad_expected_access<Error>;
#else
/// The exception of `value()` of a failed result. `what()` is the error message.
class BadResultAccess : public std::exception {
public:
    explicit BadResultAccess(Error error) : error_(std::move(error)) {}
    const char *what() const noexcept override { return error_.message.c_str(); }
    const Error &error() const noexcept { return error_; }

private:
    Error error_;
};

/// A value or an error, like `std::expected<T, Error>`. For void, the value is an empty struct.
template <typename T> class [[nodiscard]] Expected {
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    template <typename U>
    static constexpr bool is_value = std::is_convertible_v<U &&, Value> &&
                                     !std::is_same_v<std::decay_t<U>, Expected>;

public:
    using value_type = T;
    using error_type = Error;

    Expected() = default;
    Expected(const Unexpected &failed) : either_(std::in_place_index<1>, failed.error()) {}
    template <typename U, typename = std::enable_if_t<is_value<U>>>
    Expected(U &&value) noexcept(std::is_nothrow_constructible_v<Value, U &&>)
        : either_(std::in_place_index<0>, std::forward<U>(value)) {}

    bool has_value() const noexcept { return either_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }
    // Undefined if there is no error.
    Error &error() & noexcept { return *std::get_if<1>(&either_); }
    const Error &error() const & noexcept { return *std::get_if<1>(&either_); }
    Error &&error() && noexcept { return std::move(error()); }
    Value *operator->() noexcept { return std::get_if<0>(&either_); }
    const Value *operator->() const noexcept { return std::get_if<0>(&either_); }
    Value &operator*() & noexcept { return *std::get_if<0>(&either_); }
    const Value &operator*() const & noexcept { return *std::get_if<0>(&either_); }
    Value &&operator*() && noexcept { return std::move(**this); }
    /// @throws BadResultAccess if there is no value. If compiled without exceptions, it aborts.
    Value &value() & { return check(), **this; }
    const Value &value() const & { return check(), **this; }
    Value &&value() && { return std::move(value()); }
    template <typename U> Value value_or(U &&other) && {
        return has_value() ? std::move(**this) : static_cast<Value>(std::forward<U>(other));
    }

private:
    void check() const {
        if (!has_value()) {
#ifdef __cpp_exceptions
            throw BadResultAccess(error());
#else
            std::abort();
#endif
        }
    }
    std::variant<Value, Error> either_;
};
template <typename T> using Result = Expected<T>;
#endif

/// Owns a handle of the library.
template <typename C, void (*FreeHandle)(C *)> class Handle {
public:
    Handle() noexcept = default;
    explicit Handle(C *owned) noexcept : owned_(owned) {}
    /// The handle for calls in C; NULL if this is empty. This object still owns it.
    C *get() const noexcept { return owned_.get(); }
    /// Gives up the handle. You must free it.
    C *release() noexcept { return owned_.release(); }
    /// Whether this is not empty.
    explicit operator bool() const noexcept { return owned_ != nullptr; }

private:
    struct Free {
        void operator()(C *owned) const noexcept { FreeHandle(owned); }
    };
    std::unique_ptr<C, Free> owned_;
};

/// Headers: names and values.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// A struct of options, together with the data that it references.
///
/// It is the struct of C, whose members point to what the `keep` functions store. Copies share the data.
template <typename C> class Options : public C {
public:
    Options() : C{} {}
    /// Stores a copy of text or bytes, anything that a `ByteArrayRef` accepts. Moved strings are not copied.
    template <typename Bytes> ByteArrayRef keep(Bytes &&bytes) {
        if constexpr (std::is_constructible_v<std::string, Bytes &&>) {
            return *store(std::string(std::forward<Bytes>(bytes)));
        } else {
            return *store(std::string(ByteArrayRef(bytes).text()));
        }
    }
    /// Stores headers.
    TemporalCoreMetadataRef keep_metadata(const Metadata &headers) {
        std::vector<TemporalCoreByteArrayRef> entries;
        for (const auto &[name, value] : headers) {
            entries.push_back(keep(name + '\n' + value));
        }
        const auto *stored = store(std::move(entries));
        return {stored->data(), stored->size()};
    }
    /// Stores a struct, such as `TemporalCoreClientTlsOptions`.
    template <typename Struct> const Struct *keep_struct(const Struct &options) {
        return store(Struct(options));
    }

private:
    template <typename T> const T *store(T &&value) {
        auto stored = std::make_shared<const T>(std::move(value));
        stored_.push_back(stored);
        return stored.get();
    }
    std::vector<std::shared_ptr<const void>> stored_;
};

/// Makes a call wait until it has ended, and return its result.
struct Wait {};
inline constexpr Wait wait{};

/// Makes the result of a call an event on a queue. From `Queue::tag`.
struct QueueTag {
    TemporalStaticLibsQueue *queue;
    std::uint64_t number;
};

namespace detail { // Internal.

inline Unexpected failure(const TemporalCoreByteArray *fail, std::uint32_t status = 0,
                          const TemporalCoreByteArray *fail_details = nullptr) {
    const ByteArray message(fail), details(fail_details);
    return Unexpected(Error{std::string(fail ? message.text() : "there is no such result"), status,
                            std::string(details.text())});
}

// Results from the arguments of C callbacks.

inline Result<void> done(const TemporalCoreByteArray *fail) {
    return fail ? Result<void>(failure(fail)) : Result<void>();
}

template <typename Owner, typename C>
Result<Owner> owner(C *success, const TemporalCoreByteArray *fail) {
    return success ? Result<Owner>(Owner(success)) : Result<Owner>(failure(fail));
}

inline Result<ByteArray> response(const TemporalCoreByteArray *success, std::uint32_t status,
                                  const TemporalCoreByteArray *fail,
                                  const TemporalCoreByteArray *details) {
    return success ? Result<ByteArray>(ByteArray(success))
                   : Result<ByteArray>(failure(fail, status, details));
}

inline Result<std::optional<ByteArray>> task(const TemporalCoreByteArray *success,
                                             const TemporalCoreByteArray *fail) {
    using Task = std::optional<ByteArray>;
    return fail ? Result<Task>(failure(fail)) : success ? Task(ByteArray(success)) : Task();
}

// What a call keeps until it ends. `queue` is the user data if the result goes to a queue.
template <typename Then, typename Kept> struct Pending {
    Then then;
    Kept kept;
    void *queue = nullptr;
};
struct Nothing {};

template <auto OnQueue, auto Make, typename Then, typename Kept, typename... Arguments>
void on_end(void *user_data, Arguments... arguments) noexcept {
    std::unique_ptr<Pending<Then, Kept>> pending(static_cast<Pending<Then, Kept> *>(user_data));
    if constexpr (std::is_same_v<Then, QueueTag>) {
        void *const queue = pending->queue;
        pending.reset();
        OnQueue(queue, arguments...);
    } else {
        pending->then(Make(arguments...));
    }
}

template <typename> struct ResultOf;
template <typename R, typename... Arguments> struct ResultOf<R (*)(Arguments...)> {
    using Type = R;
};

// Calls the C function with `inputs`, user data and a callback, and stores `kept` until the call has ended.
// `OnQueue` is the library's callback for a queue. `Make` makes a result from the arguments of a callback.
template <auto OnQueue, auto Make, typename Then, typename Kept, typename Function,
          typename... Inputs>
auto start(Then then, Kept kept, Function function, Inputs... inputs) {
    using Ended = typename ResultOf<decltype(Make)>::Type;
    if constexpr (std::is_same_v<Then, Wait>) {
        std::promise<Ended> promise;
        auto future = promise.get_future();
        auto end_wait = [promise = std::move(promise)](Ended ended) mutable noexcept {
            promise.set_value(std::move(ended));
        };
        start<OnQueue, Make>(std::move(end_wait), std::move(kept), function, inputs...);
        return future.get();
    } else if constexpr (std::is_same_v<Then, QueueTag> && std::is_empty_v<Kept>) {
        function(inputs..., temporal_static_libs_queue_tag(then.queue, then.number), OnQueue);
    } else {
        if constexpr (!std::is_same_v<Then, QueueTag>) {
            static_assert(std::is_invocable_v<Then &, Ended>,
                          "`then` is `wait`, `queue.tag(...)` or a callable for the Result");
            static_assert(std::is_nothrow_invocable_v<Then &, Ended>,
                          "a callback must be noexcept, because exceptions must not reach the library");
        }
        auto *const pending = new Pending<Then, Kept>{std::move(then), std::move(kept)};
        if constexpr (std::is_same_v<Then, QueueTag>) {
            const QueueTag &to = pending->then;
            pending->queue = temporal_static_libs_queue_tag(to.queue, to.number);
        }
        const decltype(OnQueue) callback = on_end<OnQueue, Make, Then, Kept>;
        function(inputs..., static_cast<void *>(pending), callback);
    }
}

inline void respond_with_failure(TemporalCoreClientGrpcOverrideRequest *request) {
    TemporalCoreClientGrpcOverrideResponse response{};
    response.status_code = 13;
    response.fail_message = ByteArrayRef("gRPC override: no response");
    temporal_core_client_grpc_override_request_respond(request, response);
}

} // namespace detail

/// Cancels the RPCs and connects that were started with it.
class CancellationToken
    : public Handle<TemporalCoreCancellationToken, temporal_core_cancellation_token_free> {
public:
    using Handle::Handle;
    static CancellationToken make() {
        return CancellationToken(temporal_core_cancellation_token_new());
    }
    /// Makes them fail with `Cancelled`.
    void cancel() const noexcept { temporal_core_cancellation_token_cancel(get()); }
};

/// Threads, logs and metrics. You can destroy what was created with it later.
class Runtime : public Handle<TemporalCoreRuntime, temporal_core_runtime_free> {
public:
    using Handle::Handle;
    /// @param extra Its `size` is set here.
    static Result<Runtime> make(const TemporalCoreRuntimeOptions &options = {},
                                TemporalStaticLibsRuntimeOptions extra = {}) {
        TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
        extra.size = sizeof extra;
        const auto made = temporal_static_libs_runtime_new(&options, &extra);
        Runtime runtime(made.runtime); // also set on failure
        return made.fail ? Result<Runtime>(detail::failure(made.fail))
                         : Result<Runtime>(std::move(runtime));
    }
};

/// Options of a connection.
struct ConnectionOptions : Options<TemporalCoreConnectionOptions> {
    /// @param url       `http://host:port`, or `https://…` together with `tls_options`.
    /// @param name      Name of your SDK or program.
    /// @param version   Its version.
    /// @param identity_ Identity of this client, as the server records it.
    ConnectionOptions(std::string url, std::string name, std::string version,
                      std::string identity_) {
        target_url = keep(std::move(url));
        client_name = keep(std::move(name));
        client_version = keep(std::move(version));
        identity = keep(std::move(identity_));
    }
};

/// Options of an RPC, with `retry` set.
struct RpcCallOptions : Options<TemporalCoreRpcCallOptions> {
    /// @param name    For example `StartWorkflowExecution`.
    /// @param request Protobuf of the request.
    explicit RpcCallOptions(std::string name, std::string request = {},
                            TemporalCoreRpcService of = TemporalCoreRpcService_Workflow) {
        service = of;
        rpc = keep(std::move(name));
        req = keep(std::move(request));
        retry = true;
    }
};

/// A connection to a Temporal server.
class Connection : public Handle<TemporalCoreConnection, temporal_core_client_free> {
public:
    using Handle::Handle;
    /// @param extra Only needs to stay valid for the duration of the call. Its `size` is set here.
    /// @param then  Receives a `Result<Connection>`.
    template <typename Then>
    static auto connect(const Runtime &runtime, ConnectionOptions options,
                        TemporalStaticLibsConnectOptions extra, Then then) {
        extra.size = sizeof extra;
        auto kept = std::make_unique<const ConnectionOptions>(std::move(options));
        const TemporalCoreConnectionOptions *const lent = kept.get();
        return detail::start<temporal_static_libs_on_client_connect,
                             detail::owner<Connection, TemporalCoreConnection>>(
            std::move(then), std::move(kept), temporal_static_libs_client_connect, runtime.get(),
            lent, &extra);
    }
    template <typename Then>
    static auto connect(const Runtime &runtime, ConnectionOptions options, Then then) {
        return connect(runtime, std::move(options), {}, std::move(then));
    }
    /// @param then Receives a `Result<ByteArray>`: protobuf of the response.
    template <typename Then> auto rpc_call(RpcCallOptions options, Then then) const {
        auto kept = std::make_unique<const RpcCallOptions>(std::move(options));
        const TemporalCoreRpcCallOptions *const lent = kept.get();
        return detail::start<temporal_static_libs_on_client_rpc_call, detail::response>(
            std::move(then), std::move(kept), temporal_core_client_rpc_call, get(), lent);
    }
};

/// Runs the tasks of a task queue, or replays histories. The calls and their order are those of C.
class Worker : public Handle<TemporalCoreWorker, temporal_core_worker_free> {
public:
    using Handle::Handle;
    static Result<Worker> make(const Connection &client, const TemporalCoreWorkerOptions &options) {
        const auto made = temporal_core_worker_new(client.get(), &options);
        return detail::owner<Worker>(made.worker, made.fail);
    }
    Result<void> replace_client(const Connection &new_client) const {
        return detail::done(temporal_core_worker_replace_client(get(), new_client.get()));
    }
    /// @param then Receives a `Result<void>`.
    template <typename Then> auto validate(Then then) const {
        return call(std::move(then), temporal_core_worker_validate, get());
    }
    /// @param then Receives a `Result<std::optional<ByteArray>>`: a task, or empty, which means stop polling.
    ///             The same for all polls.
    template <typename Then> auto poll_workflow_activation(Then then) const {
        return poll(std::move(then), temporal_core_worker_poll_workflow_activation);
    }
    template <typename Then> auto poll_activity_task(Then then) const {
        return poll(std::move(then), temporal_core_worker_poll_activity_task);
    }
    template <typename Then> auto poll_nexus_task(Then then) const {
        return poll(std::move(then), temporal_core_worker_poll_nexus_task);
    }
    /// @param completion Protobuf; only needs to stay valid for the duration of the call.
    /// @param then       Receives a `Result<void>`. The same for all completions.
    template <typename Then>
    auto complete_workflow_activation(ByteArrayRef completion, Then then) const {
        return call(std::move(then), temporal_core_worker_complete_workflow_activation, get(),
                    completion);
    }
    template <typename Then> auto complete_activity_task(ByteArrayRef completion, Then then) const {
        return call(std::move(then), temporal_core_worker_complete_activity_task, get(),
                    completion);
    }
    template <typename Then> auto complete_nexus_task(ByteArrayRef completion, Then then) const {
        return call(std::move(then), temporal_core_worker_complete_nexus_task, get(), completion);
    }
    Result<void> record_activity_heartbeat(ByteArrayRef heartbeat) const {
        return detail::done(temporal_core_worker_record_activity_heartbeat(get(), heartbeat));
    }
    void request_workflow_eviction(ByteArrayRef run_id) const {
        temporal_core_worker_request_workflow_eviction(get(), run_id);
    }
    void initiate_shutdown() const noexcept { temporal_core_worker_initiate_shutdown(get()); }
    /// @param then Receives a `Result<void>`.
    template <typename Then> auto finalize_shutdown(Then then) const {
        return call(std::move(then), temporal_core_worker_finalize_shutdown, get());
    }
    /// The state as JSON.
    Result<ByteArray> state() const {
        const auto state = temporal_static_libs_worker_state(get());
        return detail::owner<ByteArray>(state.state, state.fail);
    }
    /// @param then Receives a `Result<ByteArray>`: JSON.
    template <typename Then> auto ask_server(Then then) const {
        return detail::start<temporal_static_libs_on_worker_ask_server,
                             detail::owner<ByteArray, const TemporalCoreByteArray>>(
            std::move(then), detail::Nothing{}, temporal_static_libs_worker_ask_server, get());
    }

private:
    template <typename Then, typename... Call> auto call(Then then, Call... call) const {
        return detail::start<temporal_static_libs_on_worker, detail::done>(
            std::move(then), detail::Nothing{}, call...);
    }
    template <typename Then, typename Function> auto poll(Then then, Function function) const {
        return detail::start<temporal_static_libs_on_worker_poll, detail::task>(
            std::move(then), detail::Nothing{}, function, get());
    }
};

/// Passes histories to a replayer. Destroy it to end the input.
class WorkerReplayPusher
    : public Handle<TemporalCoreWorkerReplayPusher, temporal_core_worker_replay_pusher_free> {
public:
    using Handle::Handle;
    Result<void> push(const Worker &worker, ByteArrayRef workflow_id, ByteArrayRef history) const {
        return detail::done(
            temporal_core_worker_replay_push(worker.get(), get(), workflow_id, history).fail);
    }
};

/// A worker that replays histories, and its pusher.
struct WorkerReplayer {
    Worker worker;
    WorkerReplayPusher pusher;

    static Result<WorkerReplayer> make(const Runtime &runtime,
                                       const TemporalCoreWorkerOptions &options) {
        const auto made = temporal_core_worker_replayer_new(runtime.get(), &options);
        if (made.fail) {
            return detail::failure(made.fail);
        }
        return WorkerReplayer{Worker(made.worker), WorkerReplayPusher(made.worker_replay_pusher)};
    }
};

/// A dev server or test server as a child process. Destroying it without `shutdown` kills the process.
class EphemeralServer
    : public Handle<TemporalCoreEphemeralServer, temporal_core_ephemeral_server_free> {
public:
    using Handle::Handle;
    /// @param then Receives a `Result<EphemeralServer>`. The same for both kinds of server.
    template <typename Then>
    static auto start_dev_server(const Runtime &runtime,
                                 const TemporalCoreDevServerOptions &options, Then then) {
        return detail::start<temporal_static_libs_on_ephemeral_server_start, started>(
            std::move(then), detail::Nothing{}, temporal_core_ephemeral_server_start_dev_server,
            runtime.get(), &options);
    }
    template <typename Then>
    static auto start_test_server(const Runtime &runtime,
                                  const TemporalCoreTestServerOptions &options, Then then) {
        return detail::start<temporal_static_libs_on_ephemeral_server_start, started>(
            std::move(then), detail::Nothing{}, temporal_core_ephemeral_server_start_test_server,
            runtime.get(), &options);
    }
    /// The address of the server, `host:port`.
    std::string_view target() const noexcept { return target_.text(); }
    /// @param then Receives a `Result<void>`.
    template <typename Then> auto shutdown(Then then) const {
        return detail::start<temporal_static_libs_on_ephemeral_server_shutdown, detail::done>(
            std::move(then), detail::Nothing{}, temporal_core_ephemeral_server_shutdown, get());
    }

private:
    friend class Event;
    static Result<EphemeralServer> started(TemporalCoreEphemeralServer *success,
                                           const TemporalCoreByteArray *target,
                                           const TemporalCoreByteArray *fail) {
        auto server = detail::owner<EphemeralServer>(success, fail);
        if (server) {
            server->target_ = ByteArray(target);
        }
        return server;
    }
    ByteArray target_;
};

/// An RPC that you answer instead of a server. Destroying it without an answer makes the RPC fail.
class ClientGrpcOverrideRequest
    : public Handle<TemporalCoreClientGrpcOverrideRequest, detail::respond_with_failure> {
public:
    using Handle::Handle;
    /// Answers the RPC. This object is empty afterwards.
    void respond(const TemporalCoreClientGrpcOverrideResponse &response) {
        temporal_core_client_grpc_override_request_respond(release(), response);
    }
};

/// An event of a queue. It owns what the struct of C points to, until `take` moves it out.
class Event {
public:
    Event(Event &&other) noexcept : event_(std::exchange(other.event_, empty())) {}
    Event &operator=(Event &&other) noexcept {
        std::swap(event_, other.event_);
        return *this;
    }
    ~Event() { temporal_static_libs_event_free(&event_); }

    /// The struct of C, for fields without a member here, for example logs.
    const TemporalStaticLibsEvent *get() const noexcept { return &event_; }
    TemporalStaticLibsEventKind kind() const noexcept { return event_.kind; }
    /// What you passed to `Queue::tag`, or set in the options together with the queue.
    std::uint64_t tag() const noexcept { return event_.tag; }
    /// Moves out, once, what a callback of the same call receives: `take<Connection>()` for a connect,
    /// `take<std::optional<ByteArray>>()` for a poll, and so on.
    template <typename Value> Result<Value> take() {
        const auto moved = [](auto *&field) { return std::exchange(field, nullptr); };
        if constexpr (std::is_void_v<Value>) {
            return detail::done(moved(event_.fail));
        } else if constexpr (std::is_same_v<Value, Connection>) {
            return detail::owner<Connection>(moved(event_.connection), moved(event_.fail));
        } else if constexpr (std::is_same_v<Value, EphemeralServer>) {
            return EphemeralServer::started(moved(event_.server), moved(event_.success),
                                            moved(event_.fail));
        } else if constexpr (std::is_same_v<Value, ByteArray>) {
            return detail::response(moved(event_.success), event_.status_code, moved(event_.fail),
                                    moved(event_.failure_details));
        } else {
            static_assert(std::is_same_v<Value, std::optional<ByteArray>>, "no call has this");
            return detail::task(moved(event_.success), moved(event_.fail));
        }
    }
    /// Moves out, once, the RPC to answer.
    ClientGrpcOverrideRequest take_request() noexcept {
        return ClientGrpcOverrideRequest(std::exchange(event_.request, nullptr));
    }

private:
    friend class Queue;
    Event() noexcept = default;
    static TemporalStaticLibsEvent empty() noexcept {
        TemporalStaticLibsEvent event{};
        event.size = sizeof event;
        return event;
    }
    TemporalStaticLibsEvent event_ = empty();
};

/// Results wait here for one of your threads. It needs no runtime. Destroying it drops waiting results.
class Queue : public Handle<TemporalStaticLibsQueue, temporal_static_libs_queue_free> {
public:
    using Handle::Handle;
    static Queue make() { return Queue(temporal_static_libs_queue_new()); }
    /// For a call whose result goes to this queue. The queue object must not be empty.
    /// @param number Tag of the event.
    QueueTag tag(std::uint64_t number) const noexcept { return {get(), number}; }
    /// Waits for the next event.
    /// @param timeout Longest time to wait; a negative value waits forever.
    /// @return Empty if the time is up.
    std::optional<Event>
    next(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1)) const {
        Event event;
        const bool is_there =
            temporal_static_libs_queue_next(get(), timeout.count(), &event.event_);
        return is_there ? std::optional<Event>(std::move(event)) : std::nullopt;
    }
    /// Takes the next event if there is one, without waiting.
    std::optional<Event> try_next() const { return next(std::chrono::milliseconds(0)); }
    /// Readable while there is an event, for an event loop. Do not read or close it. -1: none available.
    int descriptor() const noexcept { return temporal_static_libs_queue_descriptor(get()); }
    /// Puts an event of the kind `Worker` on the queue, with this tag and nothing else.
    void wake(std::uint64_t number) const noexcept {
        temporal_static_libs_on_worker(temporal_static_libs_queue_tag(get(), number), nullptr);
    }
};

// Owners of the other handles. Construct them from what C returns, for example
// `Random(temporal_core_random_new(seed))`, and call C with `get()`.
using Random = Handle<TemporalCoreRandom, temporal_core_random_free>;
using MetricMeter = Handle<TemporalCoreMetricMeter, temporal_core_metric_meter_free>;
using MetricAttributes = Handle<TemporalCoreMetricAttributes, temporal_core_metric_attributes_free>;
using Metric = Handle<TemporalCoreMetric, temporal_core_metric_free>;

} // inline namespace
} // namespace temporal::core

#endif // TEMPORAL_HPP
