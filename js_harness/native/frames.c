/* Frames in and out: a 4-byte big-endian length and that many bytes of UTF-8. Both calls block, also on a non-blocking
 * descriptor: the worker has nothing else to do while it waits for its one request, and a log line that is written
 * before the code goes on cannot be lost with it. Lone surrogates leave as U+FFFD, as N-API encodes them.
 */
#include "native.h"
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADER = 4, SMALL = 1024, WIDEST = 4 };

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

int write_all(int fd, const char *from, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = write(fd, from + at, size - at);
    if (n >= 0) at += (size_t)n;
    else if (errno == EAGAIN) { if (wait_for(fd, POLLOUT)) return -1; }
    else if (errno != EINTR) return -1;
  }
  return 0;
}

napi_value read_frame(napi_env env, napi_callback_info info) {
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

/* A header's room and as much of the text as `room` bytes of UTF-8 hold; NULL: errno. */
static char *encode_into_block(napi_env env, napi_value text, size_t room, size_t *size) {
  char *block = malloc(HEADER + room + 1); /* N-API ends the text with a NUL */
  if (block != NULL) napi_get_value_string_utf8(env, text, block + HEADER, room + 1, size);
  return block;
}

/* The text, of whatever length, as UTF-8 behind room for a header: in `small`, or in a block that is the caller's to free.
 *
 * To count the bytes of a text takes as long as to encode it, so most are not counted. What does not fit is cut before a
 * character: a text that leaves room for the widest is whole. One that has as many bytes as units is ASCII. */
static char *encode(napi_env env, napi_value text, char *small, size_t *size) {
  napi_get_value_string_utf8(env, text, small + HEADER, SMALL - HEADER, size);
  if (*size + WIDEST < SMALL - HEADER) return small;
  size_t units, bytes;
  napi_get_value_string_utf16(env, text, NULL, 0, &units);
  char *block = encode_into_block(env, text, units + WIDEST, size);
  if (block == NULL || *size == units) return block;
  free(block);
  napi_get_value_string_utf8(env, text, NULL, 0, &bytes);
  return encode_into_block(env, text, bytes, size);
}

napi_value write_frame(napi_env env, napi_callback_info info) {
  size_t argc = 2, size = 0;
  napi_value args[2];
  int32_t fd;
  napi_valuetype type;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, args[0], &fd) != napi_ok || napi_typeof(env, args[1], &type) != napi_ok || type != napi_string) {
    napi_throw_type_error(env, NULL, "writeFrame(fd, text)");
    return NULL;
  }
  char small[SMALL], *bytes = encode(env, args[1], small, &size);
  if (bytes == NULL) return fail(env, "malloc");
  for (int i = 0; i < HEADER; i++) bytes[i] = (char)(size >> (8 * (HEADER - 1 - i)));
  int bad = write_all(fd, bytes, HEADER + size);
  if (bytes != small) free(bytes);
  return bad ? fail(env, "write") : NULL;
}
