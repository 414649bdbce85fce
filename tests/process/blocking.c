/* A host whose callbacks block, or wait for other calls.
 *
 *     blocking delay ADDRESS COUNT            COUNT callbacks block at once; prints after how long another
 *                                             call's callback runs, three times
 *     blocking wait ADDRESS THREADS DEPTH     a callback waits for a call whose callback waits for a
 *                                             call, DEPTH deep, on a runtime with THREADS threads
 *     blocking few ADDRESS COUNT SPARE        the same as `delay`, with at most SPARE more threads
 *     blocking end ADDRESS WHERE              frees everything while callbacks have threads; WHERE is
 *                                             callback or thread
 *
 * ADDRESS: host:port of a server on this machine. Prints one line per result to stdout, with a tab
 * before its value. */

#include "host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <sys/resource.h>

enum { PATIENCE = 30, MOST = 1000, TRIES = 3 };

static void say(const char *what, double value) {
  printf("%s\t%.6g\n", what, value);
  fflush(stdout);
}

/* Waits until a number is at least that large. */
static void await_count(atomic_int *number, int least, const char *what) {
  double end = now() + PATIENCE;
  while (atomic_load(number) < least) {
    if (now() > end) give_up("%s: %d, not %d", what, atomic_load(number), least);
    pause_millis(1);
  }
}

/* Counts threads that could not be created. Replaces the C library's function, also for the library
 * under test. */

static atomic_int refused;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *argument) {
  static int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, "pthread_create");
  int result = original(thread, attributes, routine, argument);
  if (result != 0) atomic_fetch_add(&refused, 1);
  return result;
}

static int threads_named(const char *name) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) give_up("no /proc/self/task");
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char path[300], comm[40] = "";
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue; /* the thread has ended meanwhile */
    if (fgets(comm, sizeof comm, file) != NULL) count += strncmp(comm, name, strlen(name)) == 0;
    fclose(file);
  }
  closedir(tasks);
  return count;
}

/* The calls. */

static TemporalCoreRuntime *runtime;
static TemporalCoreConnection *connection;

static void begin(const char *address, uint32_t threads) {
  TemporalCoreRuntimeOptions options;
  TemporalStaticLibsRuntimeOptions extra;
  memset(&options, 0, sizeof options);
  memset(&extra, 0, sizeof extra);
  extra.size = sizeof extra;
  extra.threads = threads;
  extra.callbacks_may_block = true;
  TemporalCoreRuntimeOrFail made = temporal_static_libs_runtime_new(&options, &extra);
  char text[TEXT] = "";
  take_text(text, made.fail);
  if (text[0] != 0) give_up("runtime_new: %s", text);
  runtime = made.runtime;

  char url[100];
  snprintf(url, sizeof url, "http://%s", address);
  static Call connecting = NEW_CALL;
  TemporalCoreConnectionOptions to = connection_options(url);
  temporal_core_client_connect(runtime, &to, &connecting, on_connect);
  if (wait_for(&connecting, PATIENCE) != SUCCEEDED) give_up("connect: %s", connecting.text);
  connection = connecting.connection;
}

static void start_call(void *user_data, TemporalCoreClientRpcCallCallback callback) {
  TemporalCoreRpcCallOptions options;
  memset(&options, 0, sizeof options);
  options.service = TemporalCoreRpcService_Workflow;
  options.rpc = ref("GetSystemInfo");
  temporal_core_client_rpc_call(connection, &options, user_data, callback);
}

static void free_answer(const TemporalCoreByteArray *success, const TemporalCoreByteArray *message,
                        const TemporalCoreByteArray *details) {
  if (success == NULL) give_up("a call failed: %.*s", (int)message->size, (const char *)message->data);
  temporal_core_byte_array_free(NULL, success);
  temporal_core_byte_array_free(NULL, message);
  temporal_core_byte_array_free(NULL, details);
}

/* One call whose callback blocks until it is released. */
typedef struct Blocked {
  double came; /* when its callback did */
  atomic_int answers;
} Blocked;

static Blocked blocked[MOST];
static atomic_int inside, returned;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void block(void *given, const TemporalCoreByteArray *success, uint32_t status,
                  const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  Blocked *call = given;
  (void)status;
  call->came = now();
  free_answer(success, message, details);
  atomic_fetch_add(&call->answers, 1);
  atomic_fetch_add(&inside, 1);
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  atomic_fetch_add(&returned, 1);
}

/* Lets all callbacks return, and checks that each has run once. */
static void release(int count) {
  pthread_mutex_unlock(&gate);
  await_count(&returned, count, "callbacks that returned");
  for (int i = 0; i < count; i++)
    if (atomic_load(&blocked[i].answers) != 1)
      give_up("call %d had %d answers", i, atomic_load(&blocked[i].answers));
  say("answered", count);
}

static void await_end(void) {
  double end = now() + PATIENCE;
  while (threads_named("temporal-") > 0) {
    if (now() > end) give_up("%d threads stay", threads_named("temporal-"));
    pause_millis(2);
  }
  say("threads in the end", threads_named("temporal-"));
}

static void end(void) {
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  await_end();
}

static void delay(int count) {
  pthread_mutex_lock(&gate);
  for (int i = 0; i < count; i++) start_call(&blocked[i], block);
  await_count(&inside, count, "callbacks that block");
  for (int i = count; i < count + TRIES; i++) {
    double began = now();
    start_call(&blocked[i], block);
    await_count(&inside, i + 1, "the callback of another call");
    say("milliseconds", (blocked[i].came - began) * 1000);
  }
  say("blocked", atomic_load(&inside) - atomic_load(&returned));
  release(count + TRIES);
  end();
}

/* A callback that waits for a call. */

typedef struct Level {
  int depth;
  Call ended;
} Level;

static Level levels[MOST];
static int deepest;

static void wait_for_next(void *given, const TemporalCoreByteArray *success, uint32_t status,
                          const TemporalCoreByteArray *message,
                          const TemporalCoreByteArray *details) {
  Level *level = given;
  (void)status;
  free_answer(success, message, details);
  if (level->depth < deepest) {
    Level *next = level + 1;
    next->depth = level->depth + 1;
    start_call(next, wait_for_next);
    if (wait_for(&next->ended, PATIENCE) != SUCCEEDED) give_up("no answer at depth %d", next->depth);
    say("answered inside", next->depth);
  }
  answered(&level->ended, SUCCEEDED);
}

static void wait_nested(int depth) {
  deepest = depth;
  start_call(&levels[0], wait_for_next);
  if (wait_for(&levels[0].ended, PATIENCE) != SUCCEEDED) give_up("no answer at depth 0");
  say("answered inside", 0);
  end();
}

/* Few threads. */

/* Root's threads are not limited, and another user's are counted together, so this uses an unused user
 * ID. A user who cannot change the ID gets a namespace with its own count. */
static void become_countable(void) {
  uid_t nobody_else = 60000 + (uid_t)getpid() % 5000;
  if (geteuid() != 0) {
    if (unshare(CLONE_NEWUSER) != 0) give_up("cannot limit threads: %s", strerror(errno));
  } else if (setgid(65534) != 0 || setuid(nobody_else) != 0) {
    give_up("cannot become another user: %s", strerror(errno));
  }
}

static void few(int count, int spare) {
  struct rlimit limit;
  /* A thread that made the runtime may still be counted. */
  while (threads_named("temporal-startu") > 0) pause_millis(1);
  getrlimit(RLIMIT_NPROC, &limit);
  limit.rlim_cur = (rlim_t)(threads_named("") + spare);
  if (setrlimit(RLIMIT_NPROC, &limit) != 0) give_up("setrlimit: %s", strerror(errno));
  pthread_mutex_lock(&gate);
  for (int i = 0; i < count; i++) start_call(&blocked[i], block);
  /* One thread exists before the limit is set. */
  await_count(&inside, spare + 1, "callbacks that block");
  await_count(&refused, 10, "threads that are refused");
  say("blocked", atomic_load(&inside) - atomic_load(&returned));
  release(count);
  end();
}

/* The end. */

static void free_everything(void *ended, const TemporalCoreByteArray *success, uint32_t status,
                            const TemporalCoreByteArray *message,
                            const TemporalCoreByteArray *details) {
  (void)status;
  free_answer(success, message, details);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  answered(ended, SUCCEEDED);
}

static void free_all(bool in_callback) {
  enum { THREADS = 3 };
  pthread_mutex_lock(&gate);
  for (int i = 0; i < THREADS; i++) start_call(&blocked[i], block);
  await_count(&inside, THREADS, "callbacks that block");
  release(THREADS);
  say("threads", threads_named("temporal-callba"));
  if (!in_callback) {
    end();
    return;
  }
  static Call ended = NEW_CALL;
  start_call(&ended, free_everything);
  if (wait_for(&ended, PATIENCE) != SUCCEEDED) give_up("no end");
  await_end();
}

int main(int argc, char **argv) {
  if (argc < 4) give_up("usage: see the first lines of the source");
  const char *what = argv[1], *address = argv[2];
  for (int i = 0; i < MOST; i++) levels[i].ended = (Call)NEW_CALL;
  if (strcmp(what, "delay") == 0) {
    begin(address, 0);
    delay(atoi(argv[3]));
  } else if (strcmp(what, "wait") == 0 && argc == 5) {
    begin(address, (uint32_t)atoi(argv[3]));
    wait_nested(atoi(argv[4]));
  } else if (strcmp(what, "few") == 0 && argc == 5) {
    become_countable();
    begin(address, 0);
    few(atoi(argv[3]), atoi(argv[4]));
  } else if (strcmp(what, "end") == 0) {
    begin(address, 0);
    free_all(strcmp(argv[3], "callback") == 0);
  } else {
    give_up("no such thing: %s", what);
  }
  return 0;
}
