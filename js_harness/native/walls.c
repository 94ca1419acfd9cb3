/* The walls that a process builds around itself: limits, a system-call filter, a Landlock domain. What they let through is
 * decided elsewhere (policies/seccomp, sandboxd/jail/landlock.py): here it is bytes, and the kernel judges them. None can be
 * undone.
 */
#include "native.h"
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_RESTRICT_SELF = 446 }; /* the same on every machine */

napi_value set_limit(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  int32_t which;
  int64_t soft, hard;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, args[0], &which) != napi_ok || napi_get_value_int64(env, args[1], &soft) != napi_ok ||
      napi_get_value_int64(env, args[argc > 2 ? 2 : 1], &hard) != napi_ok || soft < 0 || hard < soft) {
    napi_throw_type_error(env, NULL, "setLimit(which, soft, hard = soft)");
    return NULL;
  }
  struct rlimit limit = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)hard};
  return setrlimit((__rlimit_resource_t)which, &limit) ? fail(env, "setrlimit") : NULL;
}

int lower_limit(int which, rlim_t most) {
  struct rlimit now;
  if (getrlimit((__rlimit_resource_t)which, &now)) return -1;
  if (now.rlim_max < most) most = now.rlim_max;
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  return setrlimit((__rlimit_resource_t)which, &limit);
}

/* V8's own interface, as its C++ is called by a C compiler: the heap has a limit from the start of the process, which is the
 * fork server's, and N-API has no word for it. V8 lowers it when a callback is taken back. */
struct isolate;
typedef size_t (*near_limit)(void *data, size_t now, size_t first);
extern struct isolate *current_isolate(void) __asm__("_ZN2v87Isolate10GetCurrentEv") __attribute__((weak));
extern void add_near_limit(struct isolate *isolate, near_limit call, void *data)
    __asm__("_ZN2v87Isolate24AddNearHeapLimitCallbackEPFmPvmmES1_") __attribute__((weak));
extern void remove_near_limit(struct isolate *isolate, near_limit call, size_t most)
    __asm__("_ZN2v87Isolate27RemoveNearHeapLimitCallbackEPFmPvmmEm") __attribute__((weak));

static size_t as_it_is(void *data, size_t now, size_t first) {
  (void)data; (void)first;
  return now;
}

napi_value limit_heap(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  int64_t most;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_value_int64(env, arg, &most) != napi_ok || most <= 0) {
    napi_throw_type_error(env, NULL, "limitHeap(bytes)");
    return NULL;
  }
  if (current_isolate == NULL || add_near_limit == NULL || remove_near_limit == NULL) {
    napi_throw_error(env, NULL, "this Node has no way to limit its heap");
    return NULL;
  }
  struct isolate *isolate = current_isolate();
  add_near_limit(isolate, as_it_is, NULL);
  remove_near_limit(isolate, as_it_is, (size_t)most);
  return NULL;
}

/* TSYNC because Node has threads of its own by now: one that kept the older filter would be the way around this one. */
napi_value install_filter(napi_env env, napi_callback_info info) {
  size_t argc = 1, size = 0;
  napi_value bytes;
  void *program = NULL;
  if (napi_get_cb_info(env, info, &argc, &bytes, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_buffer_info(env, bytes, &program, &size) != napi_ok || size == 0 || size % sizeof(struct sock_filter) != 0 ||
      size / sizeof(struct sock_filter) > BPF_MAXINSNS) {
    napi_throw_type_error(env, NULL, "installFilter(bytes): an array of struct sock_filter");
    return NULL;
  }
  struct sock_fprog header = {.len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = program};
  long thread = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &header);
  if (thread > 0) { napi_throw_error(env, NULL, "seccomp: a thread has a filter of its own"); return NULL; }
  return thread < 0 ? fail(env, "seccomp") : NULL;
}

napi_value restrict_files(napi_env env, napi_callback_info info) {
  size_t argc = 1, size = 0;
  napi_value bytes;
  void *attributes = NULL;
  if (napi_get_cb_info(env, info, &argc, &bytes, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_buffer_info(env, bytes, &attributes, &size) != napi_ok || size == 0) {
    napi_throw_type_error(env, NULL, "restrictFiles(bytes): struct landlock_ruleset_attr");
    return NULL;
  }
  int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0);
  if (ruleset < 0) return fail(env, "landlock_create_ruleset");
  long bad = syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0);
  if (bad) fail(env, "landlock_restrict_self");
  close(ruleset);
  return NULL;
}

napi_value confined(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value yes;
  long fd = syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
  int refused = fd < 0 && errno == EPERM;
  if (fd >= 0) close((int)fd);
  return napi_get_boolean(env, refused, &yes) == napi_ok ? yes : NULL;
}
