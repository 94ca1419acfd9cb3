/* The descriptors that a child of the fork server inherits. Two children that share one share what it stands for: a wake-up, a
 * place to leave bytes. So the server knows each before it forks, and a child has let go of them before it is let into JavaScript.
 */
#include "native.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int stock[MOST_DESCRIPTORS];
static int stocked, null_device = -1; /* /dev/null, from takeStock on, and in the server alone */

int stock_is_taken(void) { return null_device >= 0; }

/* Every open descriptor is one of: standard streams, control, /dev/null, or a part of one of libuv's loops. */
napi_value take_stock(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  int32_t control;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_value_int32(env, arg, &control) != napi_ok) {
    napi_throw_type_error(env, NULL, "takeStock(control)");
    return NULL;
  }
  struct stat of, null;
  if (fstat(0, &null)) return fail(env, "fstat");
  stocked = 0;
  for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) {
    if (fd == control || (fstat(fd, &of) && errno == EBADF)) continue;
    enum kind kind = made_at(fd);
    int pipe = S_ISFIFO(of.st_mode), nameless = (of.st_mode & S_IFMT) == 0; /* eventfd and epoll have no type */
    int known = kind == PIPE ? pipe : kind != OTHER ? nameless : S_ISCHR(of.st_mode) && of.st_rdev == null.st_rdev;
    if (!known) {
      char text[96];
      snprintf(text, sizeof text, "descriptor %d (mode %o) is of a kind that no child could replace", fd, of.st_mode);
      napi_throw_error(env, NULL, text);
      return NULL;
    }
    if (kind != OTHER) stock[stocked++] = fd;
  }
  null_device = fcntl(0, F_DUPFD_CLOEXEC, OURS);
  return null_device < 0 ? fail(env, "fcntl") : NULL;
}

/* A child's loop makes its parts anew (uv_loop_fork), and the threads of the other loops are not there: all that is needed is
 * something harmless in the places of those parts, where a wake-up may be written. */
int replace_stock(void) {
  for (int i = 0; i < stocked; i++) if (dup3(null_device, stock[i], O_CLOEXEC) < 0) return -1;
  if (syscall(SYS_close_range, OURS, ~0u, 0)) return -1;
  null_device = -1; /* closed, and no child serves others */
  return 0;
}
