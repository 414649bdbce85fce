/* A client and a worker on one thread, without callbacks: starts a workflow, completes it, and prints its
 * result.
 *
 * All results and all logs go to one completion queue. On Linux, an epoll loop waits for the queue's
 * descriptor, and could also wait for others. On other systems, and with -DNO_EPOLL, the program waits only for
 * the queue. */

#if defined(__linux__) && !defined(NO_EPOLL)
#define USE_EPOLL
#endif

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef USE_EPOLL
#include <errno.h>
#include <sys/epoll.h>
#endif

#include "messages.h"
#include "temporal-sdk-core-c-bridge.h"

/* The kind of an event: the call that has ended, or a log. */
enum tag { CONNECT, VALIDATE, START, AWAIT, POLL, COMPLETE, FINALIZE, LOG };

static const char *const names[] = {
    "connect", "validate the worker", "start the workflow", "await the workflow's end",
    "poll", "complete the task", "finalize the worker",
};

struct program {
    TemporalStaticLibsQueue *queue;
    TemporalCoreConnection *connection;
    TemporalCoreWorker *worker;
    TemporalCoreCancellationToken *giving_up;
    TemporalCoreRpcCallOptions call; /* the library uses this and the request until the call's event */
    struct message request;
    char id[64]; /* the workflow's ID, and the name of its task queue */
    int in_flight;
    bool failed;
};

/* Returns the user data for one call, whose result arrives on the queue with this tag. */
static void *tagged(struct program *program, enum tag tag)
{
    program->in_flight++;
    return temporal_static_libs_queue_tag(program->queue, tag);
}

/* Prints what failed, and ends all calls in flight. Later failures are results of this, and are not printed. */
static void give_up(struct program *program, const char *what, TemporalCoreByteArrayRef why)
{
    if (!program->failed) {
        fprintf(stderr, "%s: %.*s\n", what, (int)why.size, (const char *)why.data);
    }
    program->failed = true;
    temporal_core_cancellation_token_cancel(program->giving_up);
    temporal_core_worker_initiate_shutdown(program->worker);
}

static void start_call(struct program *program, enum tag tag, const char *rpc, struct message request)
{
    program->request = request;
    program->call = (TemporalCoreRpcCallOptions){
        .service = TemporalCoreRpcService_Workflow,
        .rpc = text(rpc),
        .req = contents(&program->request),
        .retry = true,
        .cancellation_token = program->giving_up,
    };
    temporal_core_client_rpc_call(program->connection, &program->call, tagged(program, tag),
                                  temporal_static_libs_on_client_rpc_call);
}

static void make_worker(struct program *program)
{
    TemporalCorePollerBehaviorSimpleMaximum polls = {2};
    TemporalCoreWorkerOptions options = {
        .namespace_ = text("default"),
        .task_queue = text(program->id),
        .task_types.enable_workflows = true,
        .tuner.workflow_slot_supplier.fixed_size.num_slots = 10,
        .workflow_task_poller_behavior.simple_maximum = &polls,
    };
    TemporalCoreWorkerOrFail made = temporal_core_worker_new(program->connection, &options);

    program->worker = made.worker;
    if (made.fail != NULL) {
        give_up(program, "make a worker", lent(made.fail));
        temporal_core_byte_array_free(NULL, made.fail);
    } else {
        temporal_core_worker_validate(made.worker, tagged(program, VALIDATE), temporal_static_libs_on_worker);
    }
}

static void print_log(const TemporalStaticLibsEvent *event)
{
    if (event->kind == TemporalStaticLibsEventKind_LogsDropped) {
        fprintf(stderr, "[%llu logs were dropped]\n", (unsigned long long)event->count);
    } else {
        TemporalCoreByteArrayRef target = temporal_core_forwarded_log_target(event->log);
        TemporalCoreByteArrayRef message = temporal_core_forwarded_log_message(event->log);
        fprintf(stderr, "[%.*s] %.*s\n", (int)target.size, (const char *)target.data, (int)message.size,
                (const char *)message.data);
    }
}

/* Completes a task. A poll returns none when the worker is shut down. */
static void do_task(struct program *program, const TemporalCoreByteArray *task)
{
    if (task == NULL) {
        temporal_core_worker_finalize_shutdown(program->worker, tagged(program, FINALIZE),
                                               temporal_static_libs_on_worker);
    } else {
        struct message completion = answer(lent(task)); /* needed only for the duration of the call */
        temporal_core_worker_complete_workflow_activation(program->worker, contents(&completion),
                                                          tagged(program, COMPLETE),
                                                          temporal_static_libs_on_worker);
    }
}

static void print_result(struct program *program, TemporalCoreByteArrayRef history)
{
    TemporalCoreByteArrayRef result;
    enum end end = read_end(history, &result);

    if (end == NOT_YET) {
        start_call(program, AWAIT, "GetWorkflowExecutionHistory", await_end(program->id));
    } else if (end == COMPLETED) {
        printf("result: %.*s\n", (int)result.size, (const char *)result.data);
        temporal_core_worker_initiate_shutdown(program->worker);
    } else {
        give_up(program, names[AWAIT], text("the workflow did not complete"));
    }
}

/* Takes the next step after an event. */
static void handle(struct program *program, TemporalStaticLibsEvent *event)
{
    if (event->tag == LOG) {
        print_log(event);
        return;
    }
    program->in_flight--;
    if (event->fail != NULL) {
        give_up(program, names[event->tag], lent(event->fail));
        return;
    }
    switch ((enum tag)event->tag) {
    case CONNECT:
        program->connection = event->connection;
        event->connection = NULL; /* keeps it: event_free frees everything that is still in the event */
        make_worker(program);
        break;
    case VALIDATE:
        start_call(program, START, "StartWorkflowExecution",
                   start_workflow(program->id, "Echo", "\"hello\""));
        /* fall through */
    case COMPLETE:
        temporal_core_worker_poll_workflow_activation(program->worker, tagged(program, POLL),
                                                      temporal_static_libs_on_worker_poll);
        break;
    case POLL:
        do_task(program, event->success);
        break;
    case START:
        start_call(program, AWAIT, "GetWorkflowExecutionHistory", await_end(program->id));
        break;
    case AWAIT:
        print_result(program, lent(event->success));
        break;
    default: /* FINALIZE is the last step */
        break;
    }
}

static void handle_all(struct program *program)
{
    TemporalStaticLibsEvent event = {.size = sizeof event};

    while (temporal_static_libs_queue_try_next(program->queue, &event)) {
        handle(program, &event);
        temporal_static_libs_event_free(&event);
    }
}

/* The event loop. It ends when no call is in flight. */
#ifdef USE_EPOLL
static void run(struct program *program)
{
    int descriptor = temporal_static_libs_queue_descriptor(program->queue);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ready = {.events = EPOLLIN};
    bool works = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &ready) == 0;

    while (works && program->in_flight > 0) {
        works = epoll_wait(epoll, &ready, 1, -1) >= 0 || errno == EINTR;
        handle_all(program);
    }
    if (!works) {
        perror("epoll");
        exit(1);
    }
    close(epoll);
}
#else
static void run(struct program *program)
{
    TemporalStaticLibsEvent event = {.size = sizeof event};

    while (program->in_flight > 0 && temporal_static_libs_queue_next(program->queue, -1, &event)) {
        handle(program, &event);
        temporal_static_libs_event_free(&event);
    }
}
#endif

int main(int argc, char **argv)
{
    struct program program = {
        .queue = temporal_static_libs_queue_new(),
        .giving_up = temporal_core_cancellation_token_new(),
    };
    TemporalCoreLoggingOptions logging = {.filter = text("WARN,temporalio_sdk_core=DEBUG")};
    TemporalCoreTelemetryOptions telemetry = {.logging = &logging};
    TemporalCoreRuntimeOptions options = {.telemetry = &telemetry};
    TemporalStaticLibsRuntimeOptions extra = {
        .size = sizeof extra,
        .log_queue = program.queue,
        .log_tag = LOG,
    };
    TemporalCoreConnectionOptions connection = {
        .target_url = text(argc > 1 ? argv[1] : "http://127.0.0.1:7233"),
        .client_name = text("event-loop"),
        .client_version = text("1.0.0"),
        .identity = text("event-loop"),
    };
    TemporalCoreRuntimeOrFail made = temporal_static_libs_runtime_new(&options, &extra);

    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    snprintf(program.id, sizeof program.id, "event-loop-%ld-%lld", (long)getpid(), (long long)time(NULL));
    if (made.fail != NULL) {
        give_up(&program, "make a runtime", lent(made.fail));
        temporal_core_byte_array_free(made.runtime, made.fail);
    } else {
        temporal_core_client_connect(made.runtime, &connection, tagged(&program, CONNECT),
                                     temporal_static_libs_on_client_connect);
        run(&program);
    }
    temporal_core_worker_free(program.worker);
    temporal_core_client_free(program.connection);
    temporal_core_runtime_free(made.runtime);
    handle_all(&program); /* the last logs */
    temporal_core_cancellation_token_free(program.giving_up);
    temporal_static_libs_queue_free(program.queue);
    return program.failed ? 1 : 0;
}
