/* The C interface as a NIF. Each call returns at once; its result arrives as a message, {reference, result}.
 *
 * All results go to one completion queue. One thread waits for them, and sends the messages. So no Erlang
 * scheduler waits, and no thread of the library runs code in this file. */

#include <erl_nif.h>
#include <stdbool.h>
#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

enum { STOP = 0 }; /* the tag of the event that ends the thread; the others are addresses of calls */

static ErlNifResourceType *connections;
static TemporalCoreRuntime *runtime;
static TemporalStaticLibsQueue *queue;
static ErlNifTid thread;

/* A call in flight. `terms` owns everything that the library was lent, and finally the message. */
struct call {
    ErlNifEnv *terms;
    ErlNifPid caller;
    ERL_NIF_TERM reference;
    union {
        TemporalCoreConnectionOptions connect;
        TemporalCoreRpcCallOptions rpc;
    } options;
};

struct connection {
    TemporalCoreConnection *handle;
};

static struct call *new_call(ErlNifEnv *env)
{
    struct call *call = enif_alloc(sizeof *call);

    memset(call, 0, sizeof *call);
    call->terms = enif_alloc_env();
    call->reference = enif_make_ref(call->terms);
    enif_self(env, &call->caller);
    return call;
}

static void free_call(struct call *call)
{
    enif_free_env(call->terms);
    enif_free(call);
}

/* Lends a binary from the caller to the library, until the call is freed. */
static bool lend(struct call *call, ERL_NIF_TERM term, TemporalCoreByteArrayRef *bytes)
{
    ErlNifBinary binary;

    if (!enif_inspect_binary(call->terms, enif_make_copy(call->terms, term), &binary)) {
        return false;
    }
    *bytes = (TemporalCoreByteArrayRef){binary.data, binary.size};
    return true;
}

static TemporalCoreByteArrayRef text(const char *string)
{
    return (TemporalCoreByteArrayRef){(const uint8_t *)string, strlen(string)};
}

static void *user_data(struct call *call)
{
    return temporal_static_libs_queue_tag(queue, (uintptr_t)call);
}

static ERL_NIF_TERM start_connect(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    struct call *call = new_call(env);
    TemporalCoreConnectionOptions *options = &call->options.connect;
    ERL_NIF_TERM reference = enif_make_copy(env, call->reference);

    (void)argc;
    if (!lend(call, argv[0], &options->target_url)) {
        free_call(call);
        return enif_make_badarg(env);
    }
    options->client_name = options->identity = text("temporal-elixir-example");
    options->client_version = text("1.0.0");
    temporal_core_client_connect(runtime, options, user_data(call), temporal_static_libs_on_client_connect);
    return reference;
}

static ERL_NIF_TERM start_call(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    struct call *call = new_call(env);
    TemporalCoreRpcCallOptions *options = &call->options.rpc;
    ERL_NIF_TERM reference = enif_make_copy(env, call->reference);
    void *connection;

    (void)argc;
    if (!enif_get_resource(env, argv[0], connections, &connection) || !lend(call, argv[1], &options->rpc) ||
        !lend(call, argv[2], &options->req)) {
        free_call(call);
        return enif_make_badarg(env);
    }
    enif_make_copy(call->terms, argv[0]); /* keeps the connection until the call is freed */
    options->service = TemporalCoreRpcService_Workflow;
    options->retry = true;
    temporal_core_client_rpc_call(((struct connection *)connection)->handle, options, user_data(call),
                                  temporal_static_libs_on_client_rpc_call);
    return reference;
}

static ERL_NIF_TERM binary_of(ErlNifEnv *env, const TemporalCoreByteArray *bytes)
{
    ERL_NIF_TERM term;

    memcpy(enif_make_new_binary(env, bytes->size, &term), bytes->data, bytes->size);
    return term;
}

/* Makes a term that owns the connection. It closes when no process refers to it any more. */
static ERL_NIF_TERM own(ErlNifEnv *env, TemporalStaticLibsEvent *event)
{
    struct connection *connection = enif_alloc_resource(connections, sizeof *connection);
    ERL_NIF_TERM term = enif_make_resource(env, connection);

    connection->handle = event->connection;
    event->connection = NULL; /* keeps the connection */
    enif_release_resource(connection);
    return term;
}

static void send_result(struct call *call, TemporalStaticLibsEvent *event)
{
    ErlNifEnv *env = call->terms;
    const char *kind = event->fail != NULL ? "error" : "ok";
    ERL_NIF_TERM value = event->fail != NULL         ? binary_of(env, event->fail)
                         : event->connection != NULL ? own(env, event)
                                                     : binary_of(env, event->success);
    ERL_NIF_TERM result = enif_make_tuple2(env, enif_make_atom(env, kind), value);

    enif_send(NULL, &call->caller, env, enif_make_tuple2(env, call->reference, result));
}

static void *deliver(void *nothing)
{
    TemporalStaticLibsEvent event = {.size = sizeof event};

    while (temporal_static_libs_queue_next(queue, -1, &event) && event.tag != STOP) {
        struct call *call = (struct call *)(uintptr_t)event.tag;

        send_result(call, &event);
        temporal_static_libs_event_free(&event);
        free_call(call);
    }
    return nothing;
}

static void close_connection(ErlNifEnv *env, void *connection)
{
    (void)env;
    temporal_core_client_free(((struct connection *)connection)->handle);
}

static int load(ErlNifEnv *env, void **private, ERL_NIF_TERM info)
{
    TemporalCoreRuntimeOptions options = {0};
    TemporalCoreRuntimeOrFail made;

    (void)private, (void)info;
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    connections = enif_open_resource_type(env, NULL, "connection", close_connection, ERL_NIF_RT_CREATE, NULL);
    made = temporal_core_runtime_new(&options);
    if (connections == NULL || made.fail != NULL) {
        temporal_core_byte_array_free(made.runtime, made.fail);
        temporal_core_runtime_free(made.runtime);
        return 1;
    }
    runtime = made.runtime;
    queue = temporal_static_libs_queue_new();
    return enif_thread_create("temporal-results", &thread, deliver, NULL, NULL);
}

static void unload(ErlNifEnv *env, void *private)
{
    (void)env, (void)private;
    temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, STOP), NULL);
    enif_thread_join(thread, NULL);
    temporal_core_runtime_free(runtime);
    temporal_static_libs_queue_free(queue);
}

static ErlNifFunc functions[] = {{"start_connect", 1, start_connect, 0}, {"start_call", 3, start_call, 0}};

ERL_NIF_INIT(Elixir.Temporal, functions, load, NULL, NULL, unload)
