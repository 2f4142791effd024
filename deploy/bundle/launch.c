/* Starts the program beside it with the loader and the libraries beside it: the host's may be older, or not be there at all. Linked
 * statically for that reason. Whatever it fails at it says, and ends with 127. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static int fail(const char *what) {
  fprintf(stderr, "fencewatch: %s: %s\n", what, strerror(errno));
  return 127;
}

int main(int argc, char **argv) {
  /* Where this program is. Without /proc the name it was started by, links followed by realpath(3). */
  static char self[PATH_MAX], loader[PATH_MAX + 32], library[PATH_MAX + 32], program[PATH_MAX + 32];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0 && realpath((const char *)getauxval(AT_EXECFN), self) == NULL) return fail("where am I");
  *strrchr(self, '/') = '\0';

  /* The loader is called fencewatch too: it is the name that ps, top and the OOM killer's line show. */
  snprintf(loader, sizeof loader, "%s/lib/loader/fencewatch", self);
  snprintf(library, sizeof library, "%s/lib", self);
  snprintf(program, sizeof program, "%s/lib/fencewatch", self);
  char **arguments = calloc((size_t)argc + 8, sizeof *arguments);
  if (arguments == NULL) return fail("memory");
  char *own[] = {loader, "--argv0", "fencewatch", "--library-path", library, program};
  memcpy(arguments, own, sizeof own);
  if (argc > 1) memcpy(arguments + sizeof own / sizeof *own, argv + 1, (size_t)(argc - 1) * sizeof *argv);
  execv(loader, arguments);
  return fail(loader);
}
