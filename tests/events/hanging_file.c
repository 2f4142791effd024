/* LD_PRELOAD: while the file named by HANG exists, reads of the file whose path it holds hang, as on NFS whose server is gone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int hangs(int fd) {
  char link[64], path[4096], wanted[4096];
  const int flag = (int)syscall(SYS_openat, AT_FDCWD, getenv("HANG"), O_RDONLY | O_CLOEXEC);
  if (flag < 0) return 0;
  const ssize_t length = read(flag, wanted, sizeof wanted);
  close(flag);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return length > 0 && readlink(link, path, sizeof path) == length && !memcmp(path, wanted, (size_t)length);
}

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  while (hangs(fd)) nanosleep(&(struct timespec){0, 50000000}, NULL);
  return syscall(SYS_pread64, fd, to, size, at);
}
ssize_t pread64(int fd, void *to, size_t size, off_t at) { return pread(fd, to, size, at); }
