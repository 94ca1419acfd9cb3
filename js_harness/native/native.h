/* What the files of the native module share: the calls that module.c gives to JavaScript, and the few functions that cross.
 *
 *   module.c       its face: the names, and what each does
 *   frames.c       frames in and out
 *   walls.c        limits, filters, Landlock: whoever reviews the walls of a worker needs only this one
 *   waking.c       the event loop hears of what there is to read
 *   process.c      random numbers, CPU time, the end
 *   preloaded.c    what Node finds before libc, and so calls instead (LD_PRELOAD)
 *   pages.c        where its memory lies, and in pages of which size (LD_PRELOAD)
 *   descriptors.c  which descriptors a child inherits, and what it puts in their places
 *   server.c       the fork server
 *
 * Nothing here is visible outside of the module but what is marked PRELOADED and Node's own entry.
 */
#ifndef NATIVE_H
#define NATIVE_H

#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include "node_api.h"

/* The descriptors of the fork server's own lie above OURS, where a child closes them all. */
enum { MOST_DESCRIPTORS = 256, OURS = MOST_DESCRIPTORS };

/* module.c: throws what errno says of `call`, and is NULL. */
napi_value fail(napi_env env, const char *call);

/* frames.c */
napi_value read_frame(napi_env env, napi_callback_info info);
napi_value write_frame(napi_env env, napi_callback_info info);
int write_all(int fd, const char *from, size_t size); /* 0, or -1: errno */

/* waking.c */
napi_value watchable(napi_env env, napi_callback_info info);
napi_value watch_channel(napi_env env, napi_callback_info info);

/* walls.c */
napi_value set_limit(napi_env env, napi_callback_info info);
napi_value limit_heap(napi_env env, napi_callback_info info);
napi_value install_filter(napi_env env, napi_callback_info info);
napi_value restrict_files(napi_env env, napi_callback_info info);
napi_value confined(napi_env env, napi_callback_info info);
int lower_limit(int which, rlim_t most); /* soft and hard, never up; 0, or -1: errno */

/* process.c */
napi_value reseed(napi_env env, napi_callback_info info);
napi_value cpu_time(napi_env env, napi_callback_info info);
napi_value exit_now(napi_env env, napi_callback_info info);

/* What Node finds in this module before it finds it in libc: the module is preloaded (LD_PRELOAD) as well as loaded. */
#define PRELOADED __attribute__((visibility("default")))

/* pages.c */
napi_value gather(napi_env env, napi_callback_info info);

/* preloaded.c */
enum kind { OTHER, EVENTFD, EPOLL, PIPE };
enum kind made_at(int fd); /* the last thing that was made there; fd < MOST_DESCRIPTORS */

/* descriptors.c */
napi_value take_stock(napi_env env, napi_callback_info info);
int stock_is_taken(void);
int replace_stock(void); /* in a child, once; 0, or -1: errno */

/* server.c */
napi_value serve(napi_env env, napi_callback_info info);

#endif
