/* Where the memory of a Node lies, so that it is cheap to fork from and to end.
 *
 * V8 asks for each chunk of its heap at a random address, and malloc for large blocks one by one: each has page tables of its own,
 * every fork copies an entry for each page of 4 KB, and every exit takes it down. Here the heap lies side by side in one reservation
 * and malloc's blocks in one heap, and what has been written by the time the server begins to fork is gathered into pages of 2 MB:
 * one entry for 512. A child that writes gets a small page of its own, as ever. That halves the CPU of fork and exit.
 */
#include "native.h"

/* Not where the sanitizers keep the books. */
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

enum { SMALL = 4 << 10, LARGE = 2 << 20, CHUNK = 8 << 20, RESERVED = 1 << 30, READ_ONLY_FIRST = 256 << 10 };
enum { BOOT_BLOCK = 32 << 20, BUFFER = 128 << 10, LARGEST_BIN = 1 << 10, BIN = 16, MOST_HOLES = 256 };
enum { NOBODYS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

static uintptr_t first, next, end; /* the reservation; what lies before `next` is V8's */
static struct { uintptr_t from, to; } hole[MOST_HOLES]; /* what V8 gave back of it, most of it to align a chunk */
static int holes;
static uintptr_t heap; /* malloc's, the part of it in large pages */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t up(uintptr_t at, uintptr_t to) { return (at + to - 1) & ~(to - 1); }

static void *map(uintptr_t at, size_t size, int access, int flags) {
  return (void *)syscall(SYS_mmap, at, size, access, flags, -1, 0);
}

__attribute__((constructor)) static void reserve(void) {
  void *room = map(0, RESERVED, PROT_NONE, NOBODYS);
  if (room != MAP_FAILED) {
    first = up((uintptr_t)room, LARGE);
    next = first + LARGE - READ_ONLY_FIRST; /* V8's first chunk becomes read-only, and a large page has one kind of access */
    end = (uintptr_t)room + RESERVED;
  }
  uintptr_t top = (uintptr_t)sbrk(0);
  heap = up(top, LARGE);
  sbrk((intptr_t)(heap - top));
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, BOOT_BLOCK);
}

/* Only what V8 wants at some place, and of that no code, which it wants near its own built-in functions, and no reservation. */
PRELOADED void *mmap64(void *at, size_t size, int access, int flags, int fd, off_t from) {
  int placed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), movable = flags & MAP_ANONYMOUS && !placed && at && size <= CHUNK;
  if (!movable) return (void *)syscall(SYS_mmap, at, size, access, flags, fd, from);
  void *got = MAP_FAILED;
  pthread_mutex_lock(&lock);
  if (!(access & PROT_EXEC) && size <= end - next && (got = map(next, size, access, flags | MAP_FIXED)) != MAP_FAILED)
    next = up(next + size, SMALL);
  pthread_mutex_unlock(&lock);
  return got != MAP_FAILED ? got : map(0, size, access, flags);
}

/* Inside of the reservation memory goes back to the kernel too, but the place stays ours: anything could be put there. */
PRELOADED int munmap(void *at, size_t size) {
  uintptr_t from = (uintptr_t)at, to = up(from + size, SMALL);
  if (from < first || to > end) return (int)syscall(SYS_munmap, at, size);
  pthread_mutex_lock(&lock);
  int done = map(from, to - from, PROT_NONE, NOBODYS | MAP_FIXED) != MAP_FAILED;
  if (done && to == next) next = from;
  else if (done && holes < MOST_HOLES) { hole[holes].from = from; hole[holes++].to = to; }
  pthread_mutex_unlock(&lock);
  return done ? 0 : -1;
}

static void collapse(uintptr_t from, uintptr_t to) { /* what cannot be had in large pages stays as it is */
  for (; from < to; from += LARGE) syscall(SYS_madvise, from, LARGE, MADV_COLLAPSE);
}

/* What malloc has free lies between what is in use: a child would copy a page for each few bytes that it is given there. Here all of
 * it is taken, for good, and children are given memory that nobody has written to, which costs half as much as a copy. */
static void fill_heap(uintptr_t below) {
  for (size_t size = BUFFER; size > 0; size -= size > LARGEST_BIN ? size / 2 : BIN)
    while ((uintptr_t)malloc(size) < below) {}
}

/* A large page lies in one mapping: so the small holes between chunks are mapped like these, and malloc's heap goes up to the next. */
static void gather_pages(void) {
  for (int i = 0; i < holes; i++)
    if (hole[i].to <= next && hole[i].to - hole[i].from < READ_ONLY_FIRST)
      map(hole[i].from, hole[i].to - hole[i].from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  collapse(first, next);
  uintptr_t top = (uintptr_t)sbrk(0);
  if (sbrk((intptr_t)(up(top, LARGE) - top)) == (void *)-1) return;
  fill_heap(up(top, LARGE));
  collapse(heap, up(top, LARGE));
}

static void boot_is_over(int forks) {
  mallopt(M_MMAP_THRESHOLD, BUFFER); /* from here on a large buffer goes back to the kernel when it is freed, not into a heap of ours */
  if (forks) gather_pages();
}
#else
static void boot_is_over(int forks) { (void)forks; }
#endif

napi_value gather(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  bool forks;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 || napi_get_value_bool(env, arg, &forks) != napi_ok) {
    napi_throw_type_error(env, NULL, "gather(forks)");
    return NULL;
  }
  boot_is_over(forks);
  return NULL;
}
