/* The calls that only native code can make in a worker. It takes bytes and numbers; it decides nothing.
 *
 *   readFrame(fd, cap)    -> string, or null at the end of the stream; throws when a frame is longer than cap bytes
 *   writeFrame(fd, text)  -> undefined; throws when the other end is gone
 *   setLimit(which, soft, hard = soft) -> undefined; the hard one can only go down from here
 *   installFilter(bytes)  -> undefined; a seccomp program, on every thread of the process (TSYNC)
 *   restrictFiles(bytes)  -> undefined; a Landlock domain without any rule; `bytes` is struct landlock_ruleset_attr
 *   confined()            -> whether the last filter is on, asked by effect: it is the one that refuses a new epoll
 *   entropy()             -> 32 random bits from the kernel, as a number
 *   cpuTime()             -> CPU time of this process, in microseconds
 *   exit(code)            -> does not return
 *
 * and for the fork server:
 *
 *   takeStock(control)    -> undefined; throws when a descriptor is open that a child would not know how to replace
 *   serve(control)        -> undefined, in each child; in the server it does not return
 *
 * A frame is a 4-byte big-endian length and that many bytes of UTF-8. Both calls block, also on a non-blocking
 * descriptor: the worker has nothing else to do while it waits for its one request, and a log line that is written
 * before the code goes on cannot be lost with it. Lone surrogates leave as U+FFFD, as N-API encodes them.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "node_api.h"
#include "uv.h"

enum { HEADER = 4, CHANNEL = 3, MOST_DESCRIPTORS = 256, MOST_CHILDREN = 512 };
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_RESTRICT_SELF = 446 }; /* the same on every machine */

static napi_value fail(napi_env env, const char *call) {
  char text[128];
  snprintf(text, sizeof text, "%s: %s", call, strerror(errno));
  napi_throw_error(env, NULL, text);
  return NULL;
}

/* Waits until fd is ready for `events`; used only after EAGAIN. */
static int wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  int n;
  do n = poll(&one, 1, -1); while (n < 0 && errno == EINTR);
  return n < 0 ? -1 : 0;
}

/* 1: all of it was read, 0: the stream ended first, -1: errno. */
static int read_all(int fd, char *to, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = read(fd, to + at, size - at);
    if (n == 0) return 0;
    if (n > 0) at += (size_t)n;
    else if (errno == EAGAIN) { if (wait_for(fd, POLLIN)) return -1; }
    else if (errno != EINTR) return -1;
  }
  return 1;
}

static int write_all(int fd, const char *from, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = write(fd, from + at, size - at);
    if (n >= 0) at += (size_t)n;
    else if (errno == EAGAIN) { if (wait_for(fd, POLLOUT)) return -1; }
    else if (errno != EINTR) return -1;
  }
  return 0;
}

static napi_value read_frame(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2], text;
  int32_t fd;
  uint32_t cap;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, args[0], &fd) != napi_ok || napi_get_value_uint32(env, args[1], &cap) != napi_ok) {
    napi_throw_type_error(env, NULL, "readFrame(fd, cap)");
    return NULL;
  }
  unsigned char header[HEADER];
  int got = read_all(fd, (char *)header, HEADER);
  if (got < 0) return fail(env, "read");
  if (got == 0) { napi_get_null(env, &text); return text; }
  uint32_t size = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
  if (size > cap) { napi_throw_range_error(env, NULL, "frame longer than the cap"); return NULL; }
  char *bytes = malloc(size ? size : 1);
  if (bytes == NULL) return fail(env, "malloc");
  got = read_all(fd, bytes, size);
  if (got < 0) { free(bytes); return fail(env, "read"); }
  napi_status made = got == 0 ? napi_get_null(env, &text) : napi_create_string_utf8(env, bytes, size, &text);
  free(bytes);
  if (made != napi_ok) { napi_throw_error(env, NULL, "frame cannot be made a string"); return NULL; }
  return text;
}

static napi_value write_frame(napi_env env, napi_callback_info info) {
  size_t argc = 2, size = 0;
  napi_value args[2];
  int32_t fd;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, args[0], &fd) != napi_ok ||
      napi_get_value_string_utf8(env, args[1], NULL, 0, &size) != napi_ok || size > UINT32_MAX) {
    napi_throw_type_error(env, NULL, "writeFrame(fd, text)");
    return NULL;
  }
  char *bytes = malloc(HEADER + size + 1); /* N-API ends the text with a NUL */
  if (bytes == NULL) return fail(env, "malloc");
  napi_get_value_string_utf8(env, args[1], bytes + HEADER, size + 1, &size);
  for (int i = 0; i < HEADER; i++) bytes[i] = (char)(size >> (8 * (HEADER - 1 - i)));
  int bad = write_all(fd, bytes, HEADER + size);
  free(bytes);
  return bad ? fail(env, "write") : NULL;
}

static napi_value set_limit(napi_env env, napi_callback_info info) {
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

/* TSYNC because Node has threads of its own by now: one that kept the older filter would be the way around this one. */
static napi_value install_filter(napi_env env, napi_callback_info info) {
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

static napi_value restrict_files(napi_env env, napi_callback_info info) {
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

static napi_value confined(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value yes;
  long fd = syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
  int refused = fd < 0 && errno == EPERM;
  if (fd >= 0) close((int)fd);
  return napi_get_boolean(env, refused, &yes) == napi_ok ? yes : NULL;
}

static napi_value entropy(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value number;
  uint32_t bits = 0;
  if (syscall(SYS_getrandom, &bits, sizeof bits, 0) != sizeof bits) return fail(env, "getrandom");
  return napi_create_uint32(env, bits, &number) == napi_ok ? number : NULL;
}

static napi_value cpu_time(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value number;
  struct timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)) return fail(env, "clock_gettime");
  return napi_create_int64(env, (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000, &number) == napi_ok ? number : NULL;
}

/* Ends the process without Node's teardown: nothing of the user's runs any more, and in a forked child (where the
 * platform's threads do not exist) the teardown would wait for ever. */
static napi_value exit_now(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value code;
  int32_t number = 1;
  if (napi_get_cb_info(env, info, &argc, &code, NULL, NULL) == napi_ok && argc == 1) napi_get_value_int32(env, code, &number);
  _exit(number);
}

/* ------------------------------------------------------------------ preloaded (LD_PRELOAD) as well as loaded
 *
 * V8 marks its heap MADV_DONTFORK: a child would crash at its first look at it. And a child must not share the descriptors
 * of the loops that it inherits, so these are noted where they are made: the jail has no /proc in which to look for them. */
#define PRELOADED __attribute__((visibility("default")))

/* When the memory of a large buffer is refused V8 collects garbage and asks again, and dies when it finds none for that work.
 * So the last of the limit is not for buffers; and each goes back to the kernel when it is freed, not into a heap of ours. */
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
enum { LARGE = 128 << 10, RESERVE = 8 << 20 };
extern void *__libc_calloc(size_t count, size_t size);
PRELOADED void *calloc(size_t count, size_t size) {
  size_t all;
  if (!__builtin_mul_overflow(count, size, &all) && all >= LARGE && all < SIZE_MAX - RESERVE) {
    void *room = mmap(NULL, all + RESERVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return NULL;
    munmap(room, all + RESERVE);
  }
  return __libc_calloc(count, size);
}
__attribute__((constructor)) static void keep_no_heap(void) { mallopt(M_MMAP_THRESHOLD, LARGE); }
#endif

enum { OTHER, EVENTFD, EPOLL, PIPE };
static unsigned char kind_of[MOST_DESCRIPTORS]; /* by descriptor: the last thing that was made there */

static int note(int fd, unsigned char kind) {
  if (fd >= 0 && fd < MOST_DESCRIPTORS) kind_of[fd] = kind;
  return fd;
}

PRELOADED int madvise(void *at, size_t size, int advice) {
  return advice == MADV_DONTFORK ? 0 : (int)syscall(SYS_madvise, at, size, advice);
}
PRELOADED int eventfd(unsigned int first, int flags) { return note((int)syscall(SYS_eventfd2, first, flags), EVENTFD); }
PRELOADED int epoll_create1(int flags) { return note((int)syscall(SYS_epoll_create1, flags), EPOLL); }
PRELOADED int pipe2(int fds[2], int flags) {
  int bad = (int)syscall(SYS_pipe2, fds, flags);
  if (!bad) { note(fds[0], PIPE); note(fds[1], PIPE); }
  return bad;
}

/* ------------------------------------------------------------------ the fork server
 *
 * Asked over a SEQPACKET socket in the launcher's words (sandboxd/jail/launcher.py): a request brings a frame channel and a
 * stderr pipe; the answer takes the child's pidfd along, and a second one says how it ended. The server does nothing else:
 * the loop of Node is never entered again, and every descriptor of its own lies above OURS, where a child closes them all. */
enum { LAUNCH = 1, LAUNCHED = 1, EXITED = 2, REFUSED = 3, OURS = MOST_DESCRIPTORS };
struct request { uint32_t op, id; uint64_t data_bytes; };
struct reply { uint32_t kind, id; int32_t pid, status; uint64_t cpu_us, resident_bytes; };

static struct { int fd; unsigned char kind; } stock[MOST_DESCRIPTORS];
static int stocked, null_device = -1;
static struct { pid_t pid; uint32_t id; } child_of[MOST_CHILDREN + 1]; /* beside `watched`: [0] is the control socket */
static struct pollfd watched[MOST_CHILDREN + 1];

/* Every open descriptor is one of: standard streams, control, /dev/null, or a kind of which a child makes its own. */
static napi_value take_stock(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  int32_t control;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 || napi_get_value_int32(env, arg, &control) != napi_ok) {
    napi_throw_type_error(env, NULL, "takeStock(control)");
    return NULL;
  }
  struct stat of, null;
  if (fstat(0, &null)) return fail(env, "fstat");
  stocked = 0;
  for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) {
    if (fd == control || (fstat(fd, &of) && errno == EBADF)) continue;
    unsigned char kind = kind_of[fd];
    int pipe = S_ISFIFO(of.st_mode), nameless = (of.st_mode & S_IFMT) == 0; /* eventfd and epoll have no type */
    int known = kind == PIPE ? pipe : kind != OTHER ? nameless : S_ISCHR(of.st_mode) && of.st_rdev == null.st_rdev;
    if (!known) {
      char text[96];
      snprintf(text, sizeof text, "descriptor %d (mode %o) is of a kind that no child could replace", fd, of.st_mode);
      napi_throw_error(env, NULL, text);
      return NULL;
    }
    if (kind == OTHER) continue;
    stock[stocked].fd = fd;
    stock[stocked++].kind = kind;
  }
  null_device = fcntl(0, F_DUPFD_CLOEXEC, OURS);
  return null_device < 0 ? fail(env, "fcntl") : NULL;
}

/* A child's own descriptors in the places of those that it inherited; libuv then makes what it needs anew. -1: errno. */
static int replace_stock(void) {
  for (int i = 0; i < stocked; i++) {
    int fd = stock[i].fd, twin = null_device;
    if (stock[i].kind == EVENTFD) twin = (int)syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stock[i].kind == EPOLL) twin = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
    if (twin < 0 || dup3(twin, fd, O_CLOEXEC) < 0) return -1;
    if (twin != null_device) close(twin);
  }
  return 0;
}

static int lower(int which, rlim_t most) {
  struct rlimit now;
  if (getrlimit((__rlimit_resource_t)which, &now)) return -1;
  if (now.rlim_max < most) most = now.rlim_max;
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  return setrlimit((__rlimit_resource_t)which, &limit);
}

/* What a child does before it is let into JavaScript. A step that fails ends it, with its name on its own stderr. */
static void become_child(napi_env env, pid_t server, int channel, int errors, const struct request *asked) {
  const char *step = "stderr";
  uv_loop_t *loop;
  if (dup3(errors, 2, 0) < 0) goto failed;
  step = "life of the server";
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != server) goto failed;
  step = "channel";
  if (dup3(channel, CHANNEL, O_CLOEXEC) < 0) goto failed;
  close(channel);
  close(errors);
  step = "descriptors";
  if (replace_stock() || syscall(SYS_close_range, OURS, ~0u, 0)) goto failed;
  step = "loop";
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_loop_fork(loop)) goto failed;
  step = "memory";
  if (asked->data_bytes && lower(RLIMIT_DATA, asked->data_bytes)) goto failed;
  null_device = -1; /* closed, and no child serves others */
  return;
failed:;
  char text[128]; /* not dprintf, which asks lseek for the place in the pipe, and a filter's EPERM is not the answer it knows */
  write_all(2, text, (size_t)snprintf(text, sizeof text, "the child did not get past the step %s: %s", step, strerror(errno)));
  _exit(97);
}

/* One message, with a descriptor if there is one (-1: none). The daemon may have gone: then so do we, at the next read. */
static void answer(int control, struct reply *reply, int fd) {
  struct iovec part = {.iov_base = reply, .iov_len = sizeof *reply};
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } rights;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = rights.bytes;
    message.msg_controllen = sizeof rights.bytes;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  while (sendmsg(control, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

static void refuse(int control, uint32_t id, int why) {
  struct reply reply = {.kind = REFUSED, .id = id, .pid = why};
  answer(control, &reply, -1);
}

/* A child is watched by its pidfd: SIGCHLD would be eaten by V8's own threads, which do not block it. */
static int watch(int *children, pid_t pid, uint32_t id) {
  int low = (int)syscall(SYS_pidfd_open, pid, 0);
  int pidfd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, OURS);
  int problem = errno;
  if (low >= 0) close(low);
  errno = problem;
  if (pidfd < 0) return -1;
  int at = ++*children;
  watched[at] = (struct pollfd){.fd = pidfd, .events = POLLIN};
  child_of[at].pid = pid;
  child_of[at].id = id;
  return pidfd;
}

static void reap(int control, int *children, int at) {
  int status = 0;
  struct rusage used = {0};
  if (wait4(child_of[at].pid, &status, WNOHANG, &used) != child_of[at].pid) return;
  struct reply reply = {.kind = EXITED, .id = child_of[at].id, .pid = child_of[at].pid, .status = status};
  reply.cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  reply.resident_bytes = (uint64_t)used.ru_maxrss * 1024;
  close(watched[at].fd);
  watched[at] = watched[*children];
  child_of[at] = child_of[(*children)--];
  answer(control, &reply, -1);
}

/* 1: we are the child; 0: done. Ends the process at the end of the control socket. */
static int take_request(napi_env env, int control, pid_t self, int *children) {
  struct request asked = {0};
  struct iovec part = {.iov_base = &asked, .iov_len = sizeof asked};
  union { char bytes[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } rights;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
  ssize_t size = recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (size <= 0) _exit(0);
  int fds[2] = {-1, -1};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  size_t carried = head && head->cmsg_type == SCM_RIGHTS ? head->cmsg_len - CMSG_LEN(0) : 0;
  if (carried) memcpy(fds, CMSG_DATA(head), carried < sizeof fds ? carried : sizeof fds);
  int problem = 0;
  if (size != sizeof asked || asked.op != LAUNCH || carried != sizeof fds) problem = EINVAL;
  else if (*children == MOST_CHILDREN) problem = EAGAIN;
  else {
    pid_t pid = fork();
    if (pid == 0) { become_child(env, self, fds[0], fds[1], &asked); return 1; }
    int pidfd = pid < 0 ? -1 : watch(children, pid, asked.id);
    if (pidfd < 0) {
      problem = errno; /* a child that nobody can watch reads the end of its channel, once the daemon has closed it, and leaves */
    } else {
      struct reply reply = {.kind = LAUNCHED, .id = asked.id, .pid = pid};
      answer(control, &reply, pidfd);
    }
  }
  if (problem) refuse(control, asked.id, problem);
  for (int i = 0; i < 2; i++) if (fds[i] >= 0) close(fds[i]);
  return 0;
}

static napi_value serve(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  int32_t control;
  int children = 0;
  pid_t self = getpid();
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 || napi_get_value_int32(env, arg, &control) != napi_ok || null_device < 0) {
    napi_throw_type_error(env, NULL, "serve(control), after takeStock(control)");
    return NULL;
  }
  watched[0] = (struct pollfd){.fd = control, .events = POLLIN};
  for (;;) {
    if (poll(watched, (nfds_t)children + 1, -1) < 0) {
      if (errno == EINTR) continue;
      return fail(env, "poll");
    }
    for (int at = children; at > 0; at--) if (watched[at].revents) reap(control, &children, at); /* downwards: reap moves the last one */
    if (watched[0].revents && take_request(env, control, self, &children)) return NULL;
  }
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } table[] = {
      {"readFrame", read_frame}, {"writeFrame", write_frame},
      {"setLimit", set_limit}, {"installFilter", install_filter}, {"restrictFiles", restrict_files},
      {"confined", confined}, {"entropy", entropy},
      {"cpuTime", cpu_time}, {"takeStock", take_stock}, {"serve", serve}, {"exit", exit_now}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    napi_value function;
    if (napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, table[i].name, function) != napi_ok) {
      napi_throw_error(env, NULL, "the native module cannot be set up");
      return NULL;
    }
  }
  return exports;
}
