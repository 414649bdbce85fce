// Tests temporal.hpp on a Temporal server, with the same calls for each way to get a result.
//
// usage: wrapper URL EXECUTABLE        prints what was checked; EXECUTABLE is Temporal's dev server
//        wrapper throw caller|library  throws in a callback, on the caller's thread or the library's

#include <temporal.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" {
#include "messages.h"
}

namespace core = temporal::core;

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(bool holds, const char *what, int line) {
    if (!holds) {
        throw std::logic_error("line " + std::to_string(line) + ": " + what);
    }
}

template <typename T> static T need(core::Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message);
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(result);
    }
}

template <typename T> static core::Error failure(core::Result<T> result) {
    CHECK(!result.has_value());
    return std::move(result).error();
}

static bool starts_with(const std::string &text, std::string_view start) {
    return text.compare(0, start.size(), start) == 0;
}

static std::string bytes(const message &written) {
    return std::string(core::ByteArrayRef(contents(&written)).text());
}

static core::ConnectionOptions to(const char *url) { return {url, "wrapper", "1", "wrapper"}; }

// The ways to get a call's result. Each starts a call and returns its result after it ends.

struct ByWait {
    template <typename T, typename Start> core::Result<T> run(Start start) {
        return start(core::wait);
    }
};

struct ByCallback {
    template <typename T, typename Start> core::Result<T> run(Start start) {
        std::promise<core::Result<T>> promise;
        auto future = promise.get_future();
        auto held = std::make_shared<int>(1);
        const std::weak_ptr<int> is_held = held;
        start([promise = std::move(promise),
               held = std::move(held)](core::Result<T> result) mutable noexcept {
            CHECK(*held == 1);
            promise.set_value(std::move(result));
        });
        auto result = future.get();
        while (!is_held.expired()) {
            std::this_thread::yield(); // until the library's thread has destroyed the callback
        }
        return result;
    }
};

struct ByQueue {
    core::Queue queue = core::Queue::make();
    std::uint64_t number = 0;

    template <typename T, typename Start> core::Result<T> run(Start start) {
        start(queue.tag(++number));
        auto event = queue.next();
        CHECK(event && event->tag() == number);
        return event->take<T>();
    }
};

static core::Result<core::Worker> make_worker(const core::Connection &connection,
                                              const std::string &task_queue) {
    const TemporalCorePollerBehaviorSimpleMaximum polls{2};
    TemporalCoreWorkerOptions options{};
    options.namespace_ = core::ByteArrayRef("default");
    options.task_queue = core::ByteArrayRef(task_queue);
    options.task_types.enable_workflows = true;
    options.tuner.workflow_slot_supplier.fixed_size.num_slots = 10;
    options.workflow_task_poller_behavior.simple_maximum = &polls;
    return core::Worker::make(connection, options);
}

// Starts a workflow, completes it with a worker, and returns its result.
template <typename Way>
static std::string run_workflow(Way &way, const core::Connection &connection,
                                const std::string &id) {
    const auto call = [&](const char *rpc, const message &request) {
        return need(way.template run<core::ByteArray>([&](auto then) {
            return connection.rpc_call(core::RpcCallOptions(rpc, bytes(request)), std::move(then));
        }));
    };
    const auto worker = need(make_worker(connection, id));
    const auto poll = [&] {
        return need(way.template run<std::optional<core::ByteArray>>(
            [&](auto then) { return worker.poll_workflow_activation(std::move(then)); }));
    };
    need(way.template run<void>([&](auto then) { return worker.validate(std::move(then)); }));
    call("StartWorkflowExecution", start_workflow(id.c_str(), "Echo", "\"hello\""));
    for (int activations = 0; activations < 2; ++activations) { // the start and the eviction
        const auto task = poll();
        CHECK(task.has_value());
        const message completion = answer(core::ByteArrayRef(*task));
        need(way.template run<void>([&](auto then) {
            return worker.complete_workflow_activation(contents(&completion), std::move(then));
        }));
    }
    const auto history = call("GetWorkflowExecutionHistory", await_end(id.c_str()));
    TemporalCoreByteArrayRef result;
    CHECK(read_end(core::ByteArrayRef(history), &result) == COMPLETED);
    CHECK(need(worker.state()).text().front() == '{');
    const auto server = need(way.template run<core::ByteArray>(
        [&](auto then) { return worker.ask_server(std::move(then)); }));
    CHECK(server.text().front() == '{');
    worker.initiate_shutdown();
    CHECK(!poll().has_value());
    need(way.template run<void>([&](auto then) { return worker.finalize_shutdown(std::move(then)); }));
    return std::string(core::ByteArrayRef(result).text());
}

template <typename Way>
static void check_failures(Way &way, const core::Runtime &runtime, const core::Connection &connection) {
    const auto connect = [&](const char *url) {
        return way.template run<core::Connection>(
            [&](auto then) { return core::Connection::connect(runtime, to(url), std::move(then)); });
    };
    const auto call = [&](const core::Connection &by, const core::RpcCallOptions &options) {
        return failure(way.template run<core::ByteArray>(
            [&](auto then) { return by.rpc_call(options, std::move(then)); }));
    };
    // Nothing listens on port 0; the second error is detected on this thread.
    CHECK(starts_with(failure(connect("http://127.0.0.1:0")).message, "Connection failed: "));
    CHECK(starts_with(failure(connect("no URL")).message, "Invalid options: "));

    const auto unknown = call(connection, core::RpcCallOptions("NoSuchCall"));
    CHECK(unknown.message == "Unknown RPC call NoSuchCall" && unknown.status == 0);
    const auto refused = call(connection, core::RpcCallOptions("DescribeNamespace", "\n\x04none"));
    CHECK(refused.status == 5 && !refused.message.empty() && !refused.details.empty());

    const auto cancelled = core::CancellationToken::make();
    cancelled.cancel();
    core::RpcCallOptions options("GetSystemInfo");
    options.cancellation_token = cancelled.get();
    CHECK(call(connection, options).message == "Cancelled");
    CHECK(!call(core::Connection(), core::RpcCallOptions("GetSystemInfo")).message.empty());
}

template <typename Way> static void check_way(const char *name, const char *url) {
    Way way;
    const auto runtime = need(core::Runtime::make());
    const auto connection = need(way.template run<core::Connection>(
        [&](auto then) { return core::Connection::connect(runtime, to(url), std::move(then)); }));
    const std::string id = std::string(name) + "-" + std::to_string(getpid());
    CHECK(run_workflow(way, connection, id) == "\"hello\"");
    std::printf("%s: a workflow\n", name);
    check_failures(way, runtime, connection);
    std::printf("%s: failures\n", name);
}

static void check_bytes() {
    const std::string text = "abc";
    const std::vector<std::uint8_t> vector{'a', 'b', 'c'};
    const std::array<std::byte, 3> array{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
    for (const core::ByteArrayRef lent :
         {core::ByteArrayRef("abc"), core::ByteArrayRef(text), core::ByteArrayRef(vector),
          core::ByteArrayRef(array), core::ByteArrayRef(std::string_view(text))}) {
        CHECK(lent.text() == "abc" && std::string(lent.begin(), lent.end()) == "abc");
    }
    CHECK(core::ByteArrayRef().size() == 0 && core::ByteArray().text().empty());
#ifdef __cpp_lib_span
    CHECK(core::ByteArrayRef(std::as_bytes(std::span(text))).text() == "abc");
    CHECK(std::span<const std::uint8_t>(core::ByteArrayRef(text)).size() == 3);
    CHECK(core::ByteArray().span().empty());
#endif
    core::Options<TemporalCoreConnectionOptions> options;
    options.target_url = options.keep(vector);
    options.metadata = options.keep_metadata({{"name", "value"}});
    const auto copy = options;
    options = {};
    CHECK(core::ByteArrayRef(copy.target_url).text() == "abc");
    CHECK(core::ByteArrayRef(copy.metadata.data[0]).text() == "name\nvalue");
    std::puts("bytes");
}

static void check_results() {
    auto failed = core::Connection::connect(need(core::Runtime::make()), to("no URL"), core::wait);
    CHECK(!failed && !failed.has_value());
    try {
        failed.value();
        CHECK(false);
    } catch (const core::BadResultAccess &error) {
        CHECK(starts_with(error.error().message, "Invalid options: "));
    }
    CHECK(!std::move(failed).value_or(core::Connection()));
    core::Result<void> done;
    done.value();
    core::Result<std::string> text("abc");
    CHECK(text.value() == "abc" && text->size() == 3 && std::move(text).value_or("") == "abc");
    TemporalCoreRuntimeOptions options{};
    options.worker_heartbeat_interval_millis = 1;
    CHECK(starts_with(failure(core::Runtime::make(options)).message, "Invalid options: "));
    CHECK(!failure(make_worker(core::Connection(), "queue")).message.empty());
    std::puts("results");
}

static bool is_readable(const core::Queue &queue) {
    pollfd descriptor{queue.descriptor(), POLLIN, 0};
    return poll(&descriptor, 1, 0) == 1;
}

static void check_queue(const char *url) {
    const auto queue = core::Queue::make();
    CHECK(!queue.try_next() && !queue.next(std::chrono::milliseconds(1)) && !is_readable(queue));
    std::thread([&] { queue.wake(7); }).join();
    CHECK(is_readable(queue));
    auto event = queue.try_next();
    CHECK(event && event->tag() == 7 && event->kind() == TemporalStaticLibsEventKind_Worker);
    CHECK(!is_readable(queue) && event->take<void>().has_value());
    CHECK(failure(event->take<core::ByteArray>()).message == "there is no such result");
    CHECK(!event->take_request());

    // Freeing events and queues frees everything left in them, also a connection.
    const auto runtime = need(core::Runtime::make());
    core::Connection::connect(runtime, to(url), queue.tag(1));
    event = queue.next();
    core::Connection::connect(runtime, to(url), queue.tag(2));
    std::puts("queue");
}

// A connection that delivers RPCs as events, and a runtime that delivers logs as events.
static void check_requests_and_logs() {
    const auto queue = core::Queue::make();
    enum { REQUEST = 1, LOG, CONNECT, CALL };
    const auto next = [&](std::uint64_t tag) {
        auto event = queue.next();
        while (event && event->tag() == LOG && tag != LOG) {
            event = queue.next();
        }
        CHECK(event && event->tag() == tag);
        return std::move(*event);
    };
    TemporalCoreLoggingOptions logging{core::ByteArrayRef("DEBUG"), nullptr};
    const TemporalCoreTelemetryOptions telemetry{&logging, nullptr};
    TemporalCoreRuntimeOptions options{};
    options.telemetry = &telemetry;
    TemporalStaticLibsRuntimeOptions extra{};
    extra.log_queue = queue.get();
    extra.log_tag = LOG;
    const auto runtime = need(core::Runtime::make(options, extra));
    TemporalStaticLibsConnectOptions answered{};
    answered.grpc_override_queue = queue.get();
    answered.grpc_override_tag = REQUEST;
    core::Connection::connect(runtime, to("http://none"), answered, queue.tag(CONNECT));
    auto request = next(REQUEST).take_request();
    const core::ByteArrayRef rpc = temporal_core_client_grpc_override_request_rpc(request.get());
    CHECK(rpc.text() == "GetSystemInfo");
    request.respond({});
    CHECK(!request);
    const auto connection = need(next(CONNECT).take<core::Connection>());

    core::RpcCallOptions call("ListNamespaces");
    call.retry = false;
    connection.rpc_call(call, queue.tag(CALL));
    next(REQUEST).take_request(); // the request is dropped
    const auto failed = failure(next(CALL).take<core::ByteArray>());
    CHECK(failed.status == 13 && failed.message == "gRPC override: no response");

    const core::ByteArrayRef malformed("a name\nvalue");
    const TemporalCoreByteArrayRef entry = malformed;
    temporal_core_client_update_metadata(connection.get(), {&entry, 1});
    const auto event = next(LOG);
    CHECK(event.kind() == TemporalStaticLibsEventKind_Log);
    CHECK(core::ByteArrayRef(temporal_core_forwarded_log_message(event.get()->log)).size() > 0);
    std::puts("requests and logs");
}

static void check_other_handles() {
    TemporalCorePrometheusOptions prometheus{};
    prometheus.bind_address = core::ByteArrayRef("127.0.0.1:0");
    TemporalCoreMetricsOptions metrics{};
    metrics.prometheus = &prometheus;
    const TemporalCoreTelemetryOptions telemetry{nullptr, &metrics};
    TemporalCoreRuntimeOptions options{};
    options.telemetry = &telemetry;
    const auto runtime = need(core::Runtime::make(options));
    const core::MetricMeter meter(temporal_core_metric_meter_new(runtime.get()));
    TemporalCoreMetricOptions counter{};
    counter.name = core::ByteArrayRef("counter");
    counter.kind = TemporalCoreMetricKind_CounterInteger;
    const core::Metric metric(temporal_core_metric_new(meter.get(), &counter));
    const core::MetricAttributes none(temporal_core_metric_attributes_new(meter.get(), nullptr, 0));
    CHECK(meter && metric && none);
    temporal_core_metric_record_integer(metric.get(), 1, none.get());

    core::Random random(temporal_core_random_new(1)), same(temporal_core_random_new(1));
    CHECK(temporal_core_random_int32_range(random.get(), 0, 1000, false) ==
          temporal_core_random_int32_range(same.get(), 0, 1000, false));
    random = std::move(same);
    CHECK(random && !same.get());

    TemporalCoreWorkerOptions replayed{};
    replayed.namespace_ = core::ByteArrayRef("default");
    replayed.task_queue = core::ByteArrayRef("replayed");
    replayed.task_types.enable_workflows = true;
    replayed.tuner.workflow_slot_supplier.fixed_size.num_slots = 1;
    auto replayer = need(core::WorkerReplayer::make(runtime, replayed));
    CHECK(!failure(replayer.pusher.push(replayer.worker, "id", "no history")).message.empty());
    replayer.pusher = {};
    CHECK(!need(replayer.worker.poll_workflow_activation(core::wait)).has_value());
    need(replayer.worker.finalize_shutdown(core::wait));
    std::puts("other handles");
}

static void start_server(const core::Runtime &runtime, const char *executable, core::QueueTag then) {
    TemporalCoreTestServerOptions common{};
    common.existing_path = core::ByteArrayRef(executable);
    TemporalCoreDevServerOptions options{};
    options.test_server = &common;
    options.log_level = core::ByteArrayRef("never");
    core::EphemeralServer::start_dev_server(runtime, options, then);
}

static void check_server(const core::Runtime &runtime, const core::Queue &queue) {
    const auto server = need(queue.next()->take<core::EphemeralServer>());
    const std::string url = "http://" + std::string(server.target());
    need(core::Connection::connect(runtime, to(url.c_str()), core::wait));
    need(server.shutdown(core::wait));
    start_server(runtime, "/nowhere", queue.tag(1));
    CHECK(!failure(queue.next()->take<core::EphemeralServer>()).message.empty());
    std::puts("server");
}

// Without a value, so that `value()` throws. Port 0 is refused on a thread of the library.
static int throw_in_callback(bool on_own_thread) {
    const auto runtime = need(core::Runtime::make());
    const auto caller = std::this_thread::get_id();
    core::Connection::connect(runtime, to(on_own_thread ? "no URL" : "http://127.0.0.1:0"),
                              [=](const core::Result<core::Connection> &result) noexcept {
                                  CHECK((std::this_thread::get_id() == caller) == on_own_thread);
                                  result.value();
                              });
    sleep(10);
    return 3;
}

int main(int argc, char **argv) try {
    CHECK(argc == 3);
    if (std::strcmp(argv[1], "throw") == 0) {
        return throw_in_callback(std::strcmp(argv[2], "caller") == 0);
    }
    const auto runtime = need(core::Runtime::make());
    const auto of_server = core::Queue::make();
    start_server(runtime, argv[2], of_server.tag(1)); // which takes a while
    check_bytes();
    check_results();
    check_way<ByWait>("wait", argv[1]);
    check_way<ByCallback>("callback", argv[1]);
    check_way<ByQueue>("queue", argv[1]);
    check_queue(argv[1]);
    check_requests_and_logs();
    check_other_handles();
    check_server(runtime, of_server);
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
}
