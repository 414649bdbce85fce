/* Loads a shared library that links the archive, uses and unloads it, several times.
 *
 * usage: unload LIBRARY ROUNDS main|thread|at-once
 *
 * `main`: the main thread uses the library; `thread`: a thread that has ended before dlclose, and so have
 * all threads of the library; `at-once`: such a thread, and dlclose comes as soon as everything is freed.
 * Prints for each round whether the library is in memory after dlclose. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool (*use)(bool wait);
static bool wait_for_threads;
static bool alone;

static void *use_it(void *unused) {
  alone = use(wait_for_threads);
  return unused;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  wait_for_threads = strcmp(argv[3], "at-once") != 0;
  for (int round = 0; round < atoi(argv[2]); round++) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
      fprintf(stderr, "%s\n", dlerror());
      return 3;
    }
    *(void **)&use = dlsym(library, "use");
    if (use == NULL) return 4;
    if (strcmp(argv[3], "main") == 0) {
      use_it(NULL);
    } else {
      pthread_t thread;
      if (pthread_create(&thread, NULL, use_it, NULL) != 0) return 5;
      pthread_join(thread, NULL);
    }
    if (wait_for_threads && !alone) return 6;
    if (dlclose(library) != 0) return 7;
    void *left = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
    puts(left == NULL ? "unloaded" : "loaded");
    if (left != NULL) dlclose(left);
    /* A thread or fork handler whose code is gone would crash the program now. */
    const struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 8;
  }
  return 0;
}
