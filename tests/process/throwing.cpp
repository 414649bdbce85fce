// Leaves a callback with an exception, or by ending the thread. Neither is allowed.
//
// usage: throwing exception|pthread_exit caller|library
//
// `caller`: the callback runs on the calling thread, `library`: on a thread of the library.

#include "calls.h"

#include <unistd.h>

static bool throws;

static void leave(void *, TemporalCoreConnection *, const TemporalCoreByteArray *) {
    if (throws) {
        throw 1;
    }
    pthread_exit(nullptr);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    throws = strcmp(argv[1], "exception") == 0;
    const TemporalCoreRuntimeOptions options{};
    const TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
    expect_none(made.fail, "runtime_new");
    TemporalCoreConnectionOptions to = connection_options("http://127.0.0.1:9");
    if (strcmp(argv[2], "caller") == 0) {
        to.target_url = ref("no URL");
    }
    to.grpc_override_callback = on_request;
    try {
        temporal_core_client_connect(made.runtime, &to, nullptr, leave);
    } catch (int) {
        return 3;
    }
    sleep(10);
    return 4;
}
