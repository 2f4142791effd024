/* LD_PRELOAD: from the moment that the file named by HANG exists, whatever may wait for memory or a disk hangs for 20 s: new mappings, changes
 * of them, new threads, and files that are not of procfs or sysfs. What hung is told in HANG.told, a line each, when it begins. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void maybe_hang(const char *call, const char *what) {
  const char *flag = getenv("HANG");
  struct stat is;
  if (!flag || syscall(SYS_newfstatat, AT_FDCWD, flag, &is, 0) != 0) return;
  char path[4096], line[4300], name[32] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  snprintf(path, sizeof path, "%s.told", flag);
  int length = snprintf(line, sizeof line, "%s %s %s\n", name, call, what);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd >= 0 && write(fd, line, (size_t)length) == length) close(fd);
  struct timespec left = {20, 0};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int of_kernel(const char *path) { return !strncmp(path, "/proc", 5) || !strncmp(path, "/sys", 4) || !strncmp(path, "/dev", 4); }

/* A relative path is below a root that was opened before: what it is, its descriptor tells. */
static void hang_for_disk(const char *call, int dir, const char *path) {
  char link[64], full[4096];
  ssize_t n = 0;
  if (path[0] != '/' && dir != AT_FDCWD) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    n = readlink(link, full, sizeof full - 1);
  }
  full[n < 0 ? 0 : n] = '\0';
  if (path[0] == '/' ? of_kernel(path) : of_kernel(full)) return;
  if (path[0] != '/' && !strcmp(full, "/") && (!strncmp(path, "proc/", 5) || !strncmp(path, "sys/", 4))) return;
  maybe_hang(call, path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
  maybe_hang("mmap", "");
  return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}
void *mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset) { return mmap(at, size, prot, flags, fd, offset); }
int mprotect(void *at, size_t size, int prot) {
  maybe_hang("mprotect", "");
  return (int)syscall(SYS_mprotect, at, size, prot);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *with) {
  maybe_hang("pthread_create", "");
  return NEXT(pthread_create)(thread, attributes, begin, with);
}

static mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

int openat(int dir, const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  hang_for_disk("openat", dir, path);
  return (int)syscall(SYS_openat, dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  return openat(dir, path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  return openat(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  return openat(AT_FDCWD, path, flags, mode);
}
/* What is written so is a disk's: the recorder's ring. */
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  maybe_hang("pwrite", "");
  return syscall(SYS_pwrite64, fd, bytes, size, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) { return pwrite(fd, bytes, size, offset); }
