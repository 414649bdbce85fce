/* Connects, makes one call, and prints when it was answered. */

#include "bench.h"

#include <stdio.h>

int main(int argc, char **argv) {
  if (argc != 2) die("usage", "first_answer URL");
  Session session = connect_session(argv[1], true);
  call_once(session.connection);
  Moment answered = now();
  printf("{\"wall_seconds\": %.9f, \"cpu_seconds\": %.9f}\n", answered.wall_seconds,
         answered.cpu_seconds);
  close_session(session);
  return 0;
}
