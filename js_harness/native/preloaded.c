/* What Node finds here before it finds it in libc: the module is preloaded (LD_PRELOAD) as well as loaded.
 *
 * V8 marks its heap MADV_DONTFORK: a child would crash at its first look at it. And a child must not share the descriptors
 * of the loops that it inherits, so these are noted where they are made: the jail has no /proc in which to look for them.
 */
#include "native.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* When the memory of a large buffer is refused V8 collects garbage and asks again, and dies when it finds none for that work.
 * So the last of the limit is not for buffers. */
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
#endif

static enum kind kind_of[MOST_DESCRIPTORS];

enum kind made_at(int fd) { return kind_of[fd]; }

static int note(int fd, enum kind kind) {
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
