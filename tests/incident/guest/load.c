// Load.   load grow MB MS NAME           memory of its own, 16 MiB every MS milliseconds, touched and kept
//         load udp MB SECONDS            socket buffers that nobody reads, filled and dropped in turns: kernel memory
//         load read|write FILE SECONDS   page cache: the whole of FILE again and again; 320 MiB of dirty pages again and again
#include <arpa/inet.h>
#include <sys/socket.h>

#include "guest.h"

static int grow(char** a) {
  long mb = atol(a[0]);
  int ms = atoi(a[1]);
  prctl(PR_SET_NAME, a[2], 0, 0, 0);
  double next = now();
  for (long i = 0; i < mb; i += 16) {
    char* p = mmap(0, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return perror("mmap"), 3;
    for (long o = 0; o < 16 << 20; o += 4096) p[o] = 1;
    next += ms / 1000.0;
    if (next < now())
      next = now();
    else
      sleep_until(next);
  }
  for (;;) pause();
}

static void fill(int s) {
  static char b[60000];
  int size = 4 << 20;
  struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof me;
  setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (bind(s, (void*)&me, sizeof me) || getsockname(s, (void*)&me, &length)) perror("bind");
  for (int k = 0; k < 32; k++)
    if (sendto(s, b, sizeof b, MSG_DONTWAIT, (void*)&me, sizeof me) < 0) return;
}

static int udp(char** a) {
  int n = atoi(a[0]) / 2;
  double end = now() + atof(a[1]);
  int* s = calloc(n, sizeof *s);
  while (now() < end) {
    for (int i = 0; i < n; i++) fill(s[i] = socket(AF_INET, SOCK_DGRAM, 0));
    usleep(500000);
    for (int i = 0; i < n; i++) close(s[i]);
    usleep(300000);
  }
  return 0;
}

static int reading(char** a) {
  static char b[1 << 20];
  double end = now() + atof(a[1]);
  while (now() < end) {
    int f = open(a[0], O_RDONLY);
    if (f < 0) {
      usleep(200000);
      continue;
    }
    while (now() < end && read(f, b, sizeof b) > 0) {
    }
    close(f);
  }
  return 0;
}

static int writing(char** a) {
  static char b[1 << 20];
  double end = now() + atof(a[1]);
  int f = open(a[0], O_RDWR | O_CREAT, 0644);
  for (long i = 0; now() < end; i++)
    if (pwrite(f, b, sizeof b, (i % 320) << 20) < 0) return perror("pwrite"), 1;
  return 0;
}

int main(int c, char** a) {
  if (c < 4) return 2;
  oom_score_adj("0");
  if (!strcmp(a[1], "grow") && c > 4) return grow(a + 2);
  if (!strcmp(a[1], "udp")) return udp(a + 2);
  if (!strcmp(a[1], "read")) return reading(a + 2);
  if (!strcmp(a[1], "write")) return writing(a + 2);
  return 2;
}
