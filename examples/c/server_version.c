/* Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

/* The result of a callback, for the thread that waits for it. */
struct answer {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    bool is_there;
    struct TemporalCoreConnection *connection;
    const struct TemporalCoreByteArray *response;
    const struct TemporalCoreByteArray *failure;
    const struct TemporalCoreByteArray *failure_details;
};

#define NO_ANSWER_YET {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, NULL, NULL, NULL, NULL}

/* Called on the callback's thread, which is one of the core's or the one that made the call. */
static void arrive(struct answer *answer)
{
    pthread_mutex_lock(&answer->mutex);
    answer->is_there = true;
    /* Signal before unlocking: right after that, the waiting thread may return, and `answer` is gone. */
    pthread_cond_signal(&answer->arrived);
    pthread_mutex_unlock(&answer->mutex);
}

static void wait_for(struct answer *answer)
{
    pthread_mutex_lock(&answer->mutex);
    while (!answer->is_there) {
        pthread_cond_wait(&answer->arrived, &answer->mutex);
    }
    pthread_mutex_unlock(&answer->mutex);
}

static void on_connected(void *user_data, struct TemporalCoreConnection *connection,
                         const struct TemporalCoreByteArray *failure)
{
    struct answer *answer = user_data;
    answer->connection = connection;
    answer->failure = failure;
    arrive(answer);
}

static void on_response(void *user_data, const struct TemporalCoreByteArray *response,
                        uint32_t status, const struct TemporalCoreByteArray *failure,
                        const struct TemporalCoreByteArray *failure_details)
{
    struct answer *answer = user_data;
    (void)status;
    answer->response = response;
    answer->failure = failure;
    answer->failure_details = failure_details;
    arrive(answer);
}

static struct TemporalCoreByteArrayRef borrow(const char *text)
{
    struct TemporalCoreByteArrayRef bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

/* Prints a failure and frees it. */
static void report(struct TemporalCoreRuntime *runtime, const char *what,
                   const struct TemporalCoreByteArray *failure)
{
    fprintf(stderr, "%s: %.*s\n", what, (int)failure->size, (const char *)failure->data);
    temporal_core_byte_array_free(runtime, failure);
}

/* Reads a protobuf varint. Returns false if the message ends before the varint does. */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Finds a string in a protobuf message that has only length-delimited fields. */
static struct TemporalCoreByteArrayRef string_field(const struct TemporalCoreByteArray *message,
                                                    uint64_t number)
{
    const uint8_t *at = message->data;
    const uint8_t *end = at + message->size;
    const uint64_t has_length = 2;
    uint64_t key, size;

    while (read_varint(&at, end, &key) && (key & 7) == has_length &&
           read_varint(&at, end, &size) && size <= (uint64_t)(end - at)) {
        if (key >> 3 == number) {
            struct TemporalCoreByteArrayRef found = {at, (size_t)size};
            return found;
        }
        at += size;
    }
    return borrow("");
}

static int print_version(struct TemporalCoreRuntime *runtime,
                         struct TemporalCoreConnection *connection)
{
    struct answer answer = NO_ANSWER_YET;
    struct TemporalCoreRpcCallOptions call;

    memset(&call, 0, sizeof call);
    call.service = TemporalCoreRpcService_Workflow;
    call.rpc = borrow("GetSystemInfo"); /* the request has no fields, so it has no bytes */
    call.retry = true;
    temporal_core_client_rpc_call(connection, &call, &answer, on_response);
    wait_for(&answer);
    if (answer.failure != NULL) {
        temporal_core_byte_array_free(runtime, answer.failure_details);
        report(runtime, "GetSystemInfo", answer.failure);
        return 1;
    }
    /* In temporal.api.workflowservice.v1.GetSystemInfoResponse, server_version is field 1. */
    struct TemporalCoreByteArrayRef version = string_field(answer.response, 1);
    printf("server version: %.*s\n", (int)version.size, (const char *)version.data);
    temporal_core_byte_array_free(runtime, answer.response);
    return 0;
}

static int connect_and_print(struct TemporalCoreRuntime *runtime, const char *url)
{
    struct answer answer = NO_ANSWER_YET;
    struct TemporalCoreConnectionOptions options;
    int status;

    memset(&options, 0, sizeof options);
    options.target_url = borrow(url);
    options.client_name = borrow("server-version");
    options.client_version = borrow("1.0.0");
    options.identity = borrow("server-version");
    /* The core uses `options` and `answer` until the callback, so wait for it in any case. */
    temporal_core_client_connect(runtime, &options, &answer, on_connected);
    wait_for(&answer);
    if (answer.failure != NULL) {
        report(runtime, url, answer.failure);
        return 1;
    }
    status = print_version(runtime, answer.connection);
    temporal_core_client_free(answer.connection);
    return status;
}

int main(int argc, char **argv)
{
    struct TemporalCoreRuntimeOptions options;
    struct TemporalCoreRuntimeOrFail made;
    int status = 1;

    /* If header and archive do not match, this is a link error. */
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    memset(&options, 0, sizeof options);
    made = temporal_core_runtime_new(&options);
    if (made.fail != NULL) {
        report(made.runtime, "runtime", made.fail);
    } else {
        status = connect_and_print(made.runtime, argc > 1 ? argv[1] : "http://127.0.0.1:7233");
    }
    temporal_core_runtime_free(made.runtime);
    return status;
}
