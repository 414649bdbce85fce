#define _GNU_SOURCE

#include "pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000 };
/* Before the first call is due, for what the loop does once. */
enum { LEAD = SECOND / 100 };

static const struct Percentile {
  const char *name;
  long per_mille;
} PERCENTILES[] = {{"50", 500}, {"99", 990}, {"99.9", 999}};

static int64_t monotonic(void) {
  struct timespec wall;
  if (clock_gettime(CLOCK_MONOTONIC, &wall) != 0) die("clock_gettime", strerror(errno));
  return (int64_t)wall.tv_sec * SECOND + wall.tv_nsec;
}

static struct timespec timespec_of(int64_t nanoseconds) {
  return (struct timespec){.tv_sec = nanoseconds / SECOND, .tv_nsec = nanoseconds % SECOND};
}

Pace pace_start(long calls, long per_second) {
  Pace pace = {.calls = calls, .interval = SECOND / per_second};
  pace.latencies = malloc((size_t)calls * sizeof *pace.latencies);
  if (pace.latencies == NULL) die("latencies", "out of memory");
  /* Touches the pages, so that no call waits for one. */
  memset(pace.latencies, 0, (size_t)calls * sizeof *pace.latencies);
  pace.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (pace.timer < 0) die("timerfd_create", strerror(errno));
  pace.first = monotonic() + LEAD;
  struct itimerspec times = {timespec_of(pace.interval), timespec_of(pace.first)};
  if (timerfd_settime(pace.timer, TFD_TIMER_ABSTIME, &times, NULL) != 0)
    die("timerfd_settime", strerror(errno));
  return pace;
}

long pace_wait(Pace *pace) {
  long left = pace->calls - pace->waited_for;
  if (left == 0) return 0;
  uint64_t due;
  if (read(pace->timer, &due, sizeof due) != sizeof due) die("timerfd", strerror(errno));
  long more = due < (uint64_t)left ? (long)due : left;
  pace->waited_for += more;
  return more;
}

void pace_answered(Pace *pace, long number) {
  pace->latencies[number] = monotonic() - (pace->first + number * pace->interval);
}

static int compare(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

/* The smallest latency that at least so many of a thousand calls do not exceed. */
static int64_t percentile(const Pace *pace, long per_mille) {
  return pace->latencies[(pace->calls * per_mille + 999) / 1000 - 1];
}

void pace_print_span(Pace *pace, Moment from, Moment to) {
  qsort(pace->latencies, (size_t)pace->calls, sizeof *pace->latencies, compare);
  printf("{\"count\": %ld, \"wall_seconds\": %.9f, \"cpu_seconds\": %.9f, \"latency_micros\": {",
         pace->calls, to.wall_seconds - from.wall_seconds, to.cpu_seconds - from.cpu_seconds);
  for (size_t i = 0; i < sizeof PERCENTILES / sizeof *PERCENTILES; i++)
    printf("%s\"%s\": %.3f", i == 0 ? "" : ", ", PERCENTILES[i].name,
           (double)percentile(pace, PERCENTILES[i].per_mille) / 1e3);
  printf("}}\n");
}

void pace_end(Pace *pace) {
  close(pace->timer);
  free(pace->latencies);
}
