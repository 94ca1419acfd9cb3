/* Where the memory of a Node lies, so that it is cheap to fork from and to end.
 *
 * V8 asks for each chunk of its heap at a random address, and malloc for large blocks one by one: each has page tables of its own,
 * every fork copies an entry for each page of 4 KB, and every exit takes it down. Here the heap lies side by side in one reservation,
 * malloc's blocks in one heap and code at the bottom of a large page, and what has been written by the time the server begins to
 * fork is gathered into pages of 2 MB: one entry for 512. A child that writes gets a small page of its own, as ever. That takes
 * more than half of the CPU of fork and exit away.
 */
#include "native.h"

/* Not where the sanitizers keep the books. */
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

enum { SMALL = 4 << 10, LARGE = 2 << 20, CHUNK = 8 << 20, RESERVED = 1 << 30, READ_ONLY_FIRST = 256 << 10 };
enum { BOOT_BLOCK = 32 << 20, BUFFER = 128 << 10, LARGEST_BIN = 1 << 10, BIN = 16, MOST_HOLES = 256, MOST_ROOMS = 16 };
enum { NOBODYS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

static uintptr_t first, next, end; /* the reservation; what lies before `next` is V8's */
static struct { uintptr_t from, to; } hole[MOST_HOLES]; /* what V8 gave back of it, most of it to align a chunk */
static int holes;
static uintptr_t heap; /* malloc's, the part of it in large pages */
static uintptr_t room[MOST_ROOMS]; /* what V8 reserves for code, and fills from the bottom */
static int rooms;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t up(uintptr_t at, uintptr_t to) { return (at + to - 1) & ~(to - 1); }

/* Of Node's, where it has them: a vtable, and with it the place of what each call of a virtual function reads; and the switch of
 * Abseil's search for deadlocks, which is on in a Node as it is delivered, looks at each lock and fills a table of 1 MB. */
extern const char vtable[] __asm__("_ZTVN2v89ExtensionE") __attribute__((weak));
extern void detect_deadlocks(int how) __asm__("_ZN4absl29SetMutexDeadlockDetectionModeENS_15OnDeadlockCycleE") __attribute__((weak));

static void *map(uintptr_t at, size_t size, int access, int flags) {
  return (void *)syscall(SYS_mmap, at, size, access, flags, -1, 0);
}

__attribute__((constructor)) static void reserve(void) {
  void *reserved = map(0, RESERVED, PROT_NONE, NOBODYS);
  if (reserved != MAP_FAILED) {
    first = up((uintptr_t)reserved, LARGE);
    next = first + LARGE - READ_ONLY_FIRST; /* V8's first chunk becomes read-only, and a large page has one kind of access */
    end = (uintptr_t)reserved + RESERVED;
  }
  uintptr_t top = (uintptr_t)sbrk(0);
  heap = up(top, LARGE);
  sbrk((intptr_t)(heap - top));
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, BOOT_BLOCK);
  if (detect_deadlocks) detect_deadlocks(0);
}

/* The size of V8's cage for objects of C++ says nothing of how little lies at its bottom. */
static void *map_room(size_t size, int flags) {
  uintptr_t from = (uintptr_t)map(0, size + LARGE, PROT_NONE, flags), at = up(from, LARGE);
  if ((void *)from == MAP_FAILED) return MAP_FAILED;
  if (at > from) syscall(SYS_munmap, from, at - from);
  syscall(SYS_munmap, up(at + size, SMALL), from + LARGE - at);
  if (size <= RESERVED && rooms < MOST_ROOMS) room[rooms++] = at;
  return (void *)at;
}

/* What V8 can write to at once and wants at some place is a chunk of its heap. What it reserves begins with a large page, and not
 * where it asks for it: near its built-in functions there is nothing to be had. */
PRELOADED void *mmap64(void *at, size_t size, int access, int flags, int fd, off_t from) {
  int ours = flags & MAP_ANONYMOUS && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_STACK));
  int chunk = ours && at && access == (PROT_READ | PROT_WRITE) && size <= CHUNK, reservation = ours && access == PROT_NONE;
  if (!chunk && !reservation) return (void *)syscall(SYS_mmap, at, size, access, flags, fd, from);
  void *got = MAP_FAILED;
  pthread_mutex_lock(&lock);
  if (reservation && size >= LARGE) got = map_room(size, flags);
  else if (chunk && size <= end - next && (got = map(next, size, access, flags | MAP_FIXED)) != MAP_FAILED) next = up(next + size, SMALL);
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

/* Whether all of it could be had in large pages; what cannot stays as it is. */
static int collapse(uintptr_t from, uintptr_t to) {
  int all = 1;
  for (; from < to; from += LARGE) all &= !syscall(SYS_madvise, from, LARGE, MADV_COLLAPSE);
  return all;
}

/* What malloc has free lies between what is in use: a child would copy a page for each few bytes that it is given there. Here all of
 * it is taken, for good, and children are given memory that nobody has written to, which costs half as much as a copy. */
static void fill_heap(uintptr_t below) {
  for (size_t size = BUFFER; size > 0; size -= size > LARGEST_BIN ? size / 2 : BIN)
    while ((uintptr_t)malloc(size) < below) {}
}

/* Asked of each program and library: whether the large page at `at` is all read-only there, and all of its file. */
static int is_constant(struct dl_phdr_info *info, size_t size, void *at) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_LOAD && part->p_flags == PF_R && from <= (uintptr_t)at && (uintptr_t)at + LARGE <= from + part->p_filesz)
      return 1;
  }
  return 0;
}

/* A child does not inherit pages of a file, but looks up each anew. So the constants that are read most become a copy, which it does. */
static void copy_constants(void) {
  char *there = (char *)((uintptr_t)vtable & ~(uintptr_t)(LARGE - 1));
  if (vtable == NULL || !dl_iterate_phdr(is_constant, there)) return;
  uintptr_t from = (uintptr_t)map(0, 2 * LARGE, PROT_READ | PROT_WRITE, NOBODYS), copy = up(from, LARGE);
  if ((void *)from == MAP_FAILED) return;
  memcpy((void *)copy, there, LARGE);
  if (collapse(copy, copy + LARGE) && !mprotect((void *)copy, LARGE, PROT_READ))
    mremap((void *)copy, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, there);
  munmap((void *)from, 2 * LARGE);
}

/* A large page lies in one mapping: so the small holes between chunks are mapped like these, and malloc's heap goes up to the next. */
static void gather_pages(void) {
  for (int i = 0; i < holes; i++)
    if (hole[i].to <= next && hole[i].to - hole[i].from < READ_ONLY_FIRST)
      map(hole[i].from, hole[i].to - hole[i].from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  uintptr_t last = up(next, LARGE);
  if (last <= end && map(next, last - next, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) != MAP_FAILED) next = last;
  collapse(first, next);
  for (int i = 0; i < rooms; i++) collapse(room[i], room[i] + LARGE);
  copy_constants();
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
