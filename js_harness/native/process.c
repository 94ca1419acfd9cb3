/* What a worker asks of its own process: random bits, the CPU time it took, the end. */
#include "native.h"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

napi_value entropy(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value number;
  uint32_t bits = 0;
  if (syscall(SYS_getrandom, &bits, sizeof bits, 0) != sizeof bits) return fail(env, "getrandom");
  return napi_create_uint32(env, bits, &number) == napi_ok ? number : NULL;
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
