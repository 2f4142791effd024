// Scrapes fencewatch every second as Prometheus does (one connection kept open, gzip, 10 s to answer), reads /proc every half second, and what the daemons wrote and
// where their threads are every two seconds; straight to a raw disk (O_DIRECT), the only record that outlives the livelock. Real-time and locked. Ends the guest at
// SECONDS.   record DISK PORT SECONDS LOG...     LOG: of stand_in
// A record is a block of 4 KiB that begins "@@ TYPE begun first-byte ended size", then the body, filled up to 4 KiB.
#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/reboot.h>
#include <sys/socket.h>

#include "guest.h"

enum { BLOCK = 4096, ROOM = 1 << 20 };
static int disk, port, logs;
static double limit;
static char *log_path[8], *log_text[8];
static size_t log_read[8];
static off_t end_of_disk;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static char* buffer(int priority) {
  char* b;
  if (posix_memalign((void**)&b, BLOCK, ROOM)) exit(1);
  memset(b, 0, ROOM);
  real_time(priority);
  return b;
}

static void put(char* b, char type, double begun, double first, double ended, size_t size) {  // the body is at b + BLOCK
  int head = snprintf(b, BLOCK, "@@ %c %.4f %.4f %.4f %zu\n", type, begun, first, ended, size);
  memset(b + head, 0, BLOCK - head);
  size_t all = (BLOCK + size + BLOCK - 1) / BLOCK * BLOCK;
  memset(b + BLOCK + size, 0, all - BLOCK - size);
  pthread_mutex_lock(&mutex);
  off_t at = end_of_disk;
  end_of_disk += all;
  pthread_mutex_unlock(&mutex);
  if (pwrite(disk, b, all, at) < 0) perror("pwrite");
}

static int connected(void) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct timeval patience = {10, 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(s, (void*)&to, sizeof to) == 0) return s;
  close(s);
  return -1;
}

// Bytes of the whole answer; 0 when it did not come.
static size_t answer(int s, char* b, double* first) {
  static const char request[] =
      "GET /metrics HTTP/1.1\r\nHost: guest\r\nUser-Agent: record\r\nAccept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n"
      "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n";
  if (write(s, request, sizeof request - 1) < 0) return 0;
  size_t n = 0, want = 0;
  for (ssize_t k; n < ROOM - 2 * BLOCK && (k = read(s, b + n, ROOM - 2 * BLOCK - n)) > 0;) {
    if (!*first) *first = now();
    n += k;
    b[n] = 0;
    char* end = strstr(b, "\r\n\r\n");
    if (!want && end) {
      char* length = strcasestr(b, "content-length:");
      want = (end - b) + 4 + (length && length < end ? atol(length + 15) : 0);
    }
    if (want && n >= want) return n;
  }
  return 0;
}

static void* scrape(void* unused) {
  char* b = buffer(10);
  int s = -1;
  for (double next = now();;) {
    sleep_until(next);
    double begun = now(), first = 0;
    if (s < 0) s = connected();
    size_t n = s < 0 ? 0 : answer(s, b + BLOCK, &first);
    if (!n && s >= 0) {
      close(s);
      s = -1;
    }
    double ended = now();
    put(b, 'S', begun, first, ended, n);
    next += 1;
    if (next < ended) next = ended;
    if (!n && next < ended + 0.5) next = ended + 0.5;
  }
  return unused;
}

static void* sample(void* unused) {
  static const char* files[] = {"/proc/zoneinfo", "/proc/vmstat", "/proc/pressure/memory", "/proc/meminfo"};
  enum { N = sizeof files / sizeof *files };
  char* b = buffer(11);
  int fd[N];
  for (int i = 0; i < N; i++) fd[i] = open(files[i], O_RDONLY);
  for (double next = now();;) {
    sleep_until(next);
    double begun = now();
    size_t n = 0;
    for (int i = 0; i < N; i++) {
      n += sprintf(b + BLOCK + n, "== %s\n", files[i]);
      off_t o = 0;
      for (ssize_t k; n < ROOM / 2 && (k = pread(fd[i], b + BLOCK + n, ROOM / 2 - n, o)) > 0; n += k, o += k) {
      }
    }
    double read_at = now();
    n += sprintf(b + BLOCK + n, "== late\n");
    for (int i = 0; i < logs; i++) {
      if (!log_text[i] && access(log_path[i], R_OK) == 0) log_text[i] = shared_log(log_path[i]);
      if (!log_text[i]) continue;
      size_t more = strnlen(log_text[i] + log_read[i], LOG_SIZE - log_read[i]);
      if (more > 60000) more = 60000;
      memcpy(b + BLOCK + n, log_text[i] + log_read[i], more);
      n += more;
      log_read[i] += more;
    }
    put(b, 'P', begun, read_at, now(), n);
    next += 0.5;
    if (next < now()) next = now();
  }
  return unused;
}

static size_t take(char* b, size_t room, const char* path, off_t* at) {
  int f = open(path, O_RDONLY);
  if (f < 0) return 0;
  ssize_t k = pread(f, b, room, at ? *at : 0);
  close(f);
  if (k < 0) k = 0;
  if (at) *at += k;
  return k;
}

static int daemons(int* pids, int most) {
  int n = 0;
  DIR* d = opendir("/proc");
  for (struct dirent* e; (e = readdir(d)) && n < most;) {
    char path[64], name[32] = {0};
    if (!atoi(e->d_name)) continue;
    snprintf(path, sizeof path, "/proc/%d/comm", atoi(e->d_name));
    take(name, 31, path, 0);
    if (!strncmp(name, "corosync", 8) || !strncmp(name, "fencewatch", 10)) pids[n++] = atoi(e->d_name);
  }
  closedir(d);
  return n;
}

static size_t threads(char* b, int pid) {
  char path[300];
  size_t n = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR* d = opendir(path);
  for (struct dirent* e; d && (e = readdir(d)) && n < ROOM / 4;) {
    if (!atoi(e->d_name)) continue;
    n += sprintf(b + n, "== task %d/%s\n", pid, e->d_name);
    snprintf(path, sizeof path, "/proc/%d/task/%s/stat", pid, e->d_name);
    n += take(b + n, 4000, path, 0);
    snprintf(path, sizeof path, "/proc/%d/task/%s/stack", pid, e->d_name);
    n += take(b + n, 4000, path, 0);
  }
  if (d) closedir(d);
  return n;
}

static void* watch(void* unused) {
  static const char* files[] = {"/var/log/cluster/corosync.log", "/var/log/cluster/peer.log", "/run/fencewatch.log"};
  char* b = buffer(12);
  off_t at[3] = {0};
  int pids[8], count = daemons(pids, 8);
  for (double next = now(); next < limit; next += 2) {
    sleep_until(next);
    double begun = now();
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
      n += sprintf(b + BLOCK + n, "== %s\n", files[i]);
      n += take(b + BLOCK + n, 100000, files[i], at + i);
    }
    for (int i = 0; i < count && n < ROOM / 2; i++) n += threads(b + BLOCK + n, pids[i]);
    put(b, 'L', begun, now(), now(), n);
  }
  reboot(RB_POWER_OFF);
  return unused;
}

int main(int c, char** a) {
  if (c < 4) return 2;
  oom_score_adj("-1000");
  prctl(PR_SET_NAME, "record", 0, 0, 0);
  disk = open(a[1], O_RDWR | O_DIRECT);
  if (disk < 0) return perror(a[1]), 1;
  port = atoi(a[2]);
  limit = atof(a[3]);
  for (int i = 4; i < c && logs < 8; i++) log_path[logs++] = a[i];
  if (mlockall(MCL_CURRENT | MCL_FUTURE)) perror("mlockall");
  pthread_t t[3];
  pthread_create(t, 0, watch, 0);
  pthread_create(t + 1, 0, scrape, 0);
  pthread_create(t + 2, 0, sample, 0);
  pthread_join(*t, 0);
  return 0;
}
