/* What a worker asks of its own process: random numbers of its own, the CPU time it took, the end. */
#include "native.h"
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* V8's own, in its public interface. Node's call of the same makes strings of the flag twice, on pages that each child would copy. */
extern void set_flags(const char *text, size_t size) __asm__("_ZN2v82V818SetFlagsFromStringEPKcm") __attribute__((weak));

napi_value reseed(napi_env env, napi_callback_info info) {
  (void)info;
  static const char NAME[] = "--random-seed=";
  struct { uint32_t seed; uint8_t ahead; } bits;
  char flag[32], *end = flag + sizeof flag, *at = end;
  napi_value number;
  if (set_flags == NULL) { errno = ENOSYS; return fail(env, "v8::V8::SetFlagsFromString"); }
  if (syscall(SYS_getrandom, &bits, sizeof bits, 0) != sizeof bits) return fail(env, "getrandom");
  int negative = bits.seed > INT32_MAX;
  uint32_t left = negative ? -bits.seed : bits.seed | !bits.seed; /* 0 is no seed */
  do *--at = (char)('0' + left % 10); while (left /= 10);
  if (negative) *--at = '-';
  at = memcpy(at - (sizeof NAME - 1), NAME, sizeof NAME - 1);
  set_flags(at, (size_t)(end - at));
  return napi_create_uint32(env, bits.ahead, &number) == napi_ok ? number : NULL;
}

napi_value cpu_time(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value number;
  struct timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)) return fail(env, "clock_gettime");
  return napi_create_int64(env, (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000, &number) == napi_ok ? number : NULL;
}

/* Ends the process without Node's teardown: nothing of the user's runs any more, and in a forked child (where the
 * platform's threads do not exist) the teardown would wait for ever. */
napi_value exit_now(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value code;
  int32_t number = 1;
  if (napi_get_cb_info(env, info, &argc, &code, NULL, NULL) == napi_ok && argc == 1) napi_get_value_int32(env, code, &number);
  _exit(number);
}
