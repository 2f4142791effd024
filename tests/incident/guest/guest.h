// What the programs of the guest share.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void sleep_until(double t) {
  struct timespec s = {(time_t)t, (long)((t - (time_t)t) * 1e9)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, 0) == EINTR) {
  }
}

static inline void real_time(int priority) {
  struct sched_param p = {priority};
  if (sched_setscheduler(0, SCHED_RR, &p)) perror("sched_setscheduler");
}

static inline void oom_score_adj(const char* value) {
  int f = open("/proc/self/oom_score_adj", O_WRONLY);
  if (f < 0 || write(f, value, strlen(value)) < 0) perror("oom_score_adj");
  if (f >= 0) close(f);
}

enum { LOG_SIZE = 1 << 20 };
// A file of a tmpfs, all of it there and locked: to write to it costs no memory later.
static inline char* shared_log(const char* path) {
  int f = open(path, O_RDWR | O_CREAT, 0644);
  if (f < 0 || ftruncate(f, LOG_SIZE)) {
    perror(path);
    exit(1);
  }
  char* p = mmap(0, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, f, 0);
  for (int i = 0; i < LOG_SIZE; i += 4096) ((volatile char*)p)[i] = p[i];
  mlock(p, LOG_SIZE);
  close(f);
  return p;
}
