// A process that must be on time, as a cluster engine: it wakes every 100 ms, touches a file that it has mapped and memory of its own, sends itself a datagram, and
// notes how late each round was.   stand_in NAME realtime|plain locked|unlocked FILE LOG PORT
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "guest.h"

static int bound_socket(int port) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct timeval patience = {0, 20000};
  if (bind(s, (void*)&me, sizeof me) || connect(s, (void*)&me, sizeof me)) perror("bind");
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return s;
}

static void send_to_itself(int s) {
  size_t size = 256 << 10;
  char* b = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b == MAP_FAILED) return;
  for (size_t i = 0; i < size; i += 4096) b[i] = 1;
  if (send(s, b, 40000, 0) > 0 && recv(s, b, 60000, 0) < 0) perror("recv");
  munmap(b, size);
}

int main(int c, char** a) {
  if (c < 7) return 2;
  const char* name = a[1];
  char* log = shared_log(a[5]);
  prctl(PR_SET_NAME, name, 0, 0, 0);
  oom_score_adj("-1000");
  int f = open(a[4], O_RDONLY);
  struct stat st;
  if (f < 0 || fstat(f, &st)) return perror(a[4]), 1;
  size_t file_size = st.st_size & ~4095UL, own_size = 4 << 20;
  volatile char* file = mmap(0, file_size, PROT_READ, MAP_PRIVATE, f, 0);
  volatile char* own = mmap(0, own_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int s = bound_socket(atoi(a[6]));
  if (!strcmp(a[3], "locked") && mlockall(MCL_CURRENT | MCL_FUTURE)) perror("mlockall");
  if (!strcmp(a[2], "realtime")) real_time(99);

  size_t at = 0;
  unsigned sum = 0;
  double next = now() + 0.1, told = 0, worst = 0, last = now();
  for (;;) {
    sleep_until(next);
    for (size_t i = 0; i < file_size; i += 4096) sum += file[i];
    for (size_t i = 0; i < own_size; i += 4096) own[i]++;
    send_to_itself(s);
    double t = now(), late = t - last - 0.1;
    last = t;
    if (late > worst) worst = late;
    if (t - told >= 1 || late > 0.3) {
      at += snprintf(log + at, LOG_SIZE - at, "LATE %s %.3f %.4f\n", name, t, worst);
      worst = 0;
      told = t;
    }
    if (at > LOG_SIZE - 512) at = 0;
    next += 0.1;
    if (next < t) next = t + 0.1;  // a missed round is not made up for
  }
  return (int)sum;
}
