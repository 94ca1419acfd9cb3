/* The calls that only native code can make in a worker. It takes bytes and numbers; it decides nothing.
 *
 *   readFrame(fd, cap)    -> string, or null at the end of the stream; throws when a frame is longer than cap bytes
 *   writeFrame(fd, text)  -> undefined; throws when the other end is gone
 *   setLimit(which, most) -> undefined; soft and hard at once, so it can only go down from here
 *   installFilter(bytes)  -> undefined; a seccomp program, on every thread of the process (TSYNC)
 *   exit(code)            -> does not return
 *
 * A frame is a 4-byte big-endian length and that many bytes of UTF-8. Both calls block, also on a non-blocking
 * descriptor: the worker has nothing else to do while it waits for its one request, and a log line that is written
 * before the code goes on cannot be lost with it. Lone surrogates leave as U+FFFD, as N-API encodes them.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "node_api.h"

enum { HEADER = 4 };

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
  size_t argc = 2;
  napi_value args[2];
  int32_t which;
  int64_t most;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, args[0], &which) != napi_ok || napi_get_value_int64(env, args[1], &most) != napi_ok || most < 0) {
    napi_throw_type_error(env, NULL, "setLimit(which, most)");
    return NULL;
  }
  struct rlimit limit = {.rlim_cur = (rlim_t)most, .rlim_max = (rlim_t)most};
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

/* Ends the process without Node's teardown: nothing of the user's runs any more, and in a forked child (where the
 * platform's threads do not exist) the teardown would wait for ever. */
static napi_value exit_now(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value code;
  int32_t number = 1;
  if (napi_get_cb_info(env, info, &argc, &code, NULL, NULL) == napi_ok && argc == 1) napi_get_value_int32(env, code, &number);
  _exit(number);
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } table[] = {
      {"readFrame", read_frame}, {"writeFrame", write_frame},
      {"setLimit", set_limit}, {"installFilter", install_filter}, {"exit", exit_now}};
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
