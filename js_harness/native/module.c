/* The calls that only native code can make in a worker. It takes bytes and numbers; it decides nothing.
 *
 *   readFrame(fd, cap)    -> string, or null at the end of the stream; throws when a frame is longer than cap bytes
 *   writeFrame(fd, text)  -> undefined; throws when the other end is gone
 *   setLimit(which, soft, hard = soft) -> undefined; the hard one can only go down from here
 *   limitHeap(bytes)      -> undefined; V8's own limit, which can only go down, and not below what is in use
 *   installFilter(bytes)  -> undefined; a seccomp program, on every thread of the process (TSYNC)
 *   restrictFiles(bytes)  -> undefined; a Landlock domain without any rule; `bytes` is struct landlock_ruleset_attr
 *   confined()            -> whether the last filter is on, asked by effect: it is the one that refuses a new epoll
 *   reseed()              -> 0 to 255, at random: Math.random has a new seed, and is to be called so often first
 *   cpuTime()             -> CPU time of this process, in microseconds
 *   exit(code)            -> does not return
 *   gather(forks)         -> undefined; the boot is over: memory is arranged for what comes, in large pages if that is children
 *   watchable(fd)         -> undefined; at boot, once: `watch` is about this descriptor
 *   watch(call)           -> undefined; call() whenever there is something to read, which keeps the loop alive; null: no more
 *
 * and for the fork server:
 *
 *   takeStock(control)    -> undefined; throws when a descriptor is open that no child could do without
 *   serve(control)        -> undefined, in each child; in the server it does not return
 */
#include "native.h"
#include <stdio.h>
#include <string.h>

napi_value fail(napi_env env, const char *call) {
  char text[128];
  snprintf(text, sizeof text, "%s: %s", call, strerror(errno));
  napi_throw_error(env, NULL, text);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } table[] = {
      {"readFrame", read_frame}, {"writeFrame", write_frame},
      {"setLimit", set_limit}, {"limitHeap", limit_heap}, {"installFilter", install_filter}, {"restrictFiles", restrict_files},
      {"confined", confined}, {"reseed", reseed}, {"gather", gather},
      {"watchable", watchable}, {"watch", watch_channel},
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
