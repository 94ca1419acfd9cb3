/* Hearing of host results: the event loop is woken when the channel has something to read.
 *
 * A handle of libuv's is made at boot, because what libuv asks of a new one (FIONBIO) is not allowed to running code; behind
 * the last filter it is only started and stopped. A child of the fork server inherits it with the loop, and its descriptor's
 * number: the channel is put there afterwards.
 */
#include "native.h"
#include <stdlib.h>
#include <sys/ioctl.h>
#include "uv.h"

static uv_poll_t *handle;
static napi_env home;
static napi_ref callback;
static napi_async_context context;

static napi_value refuse(napi_env env, const char *why) {
  napi_throw_error(env, NULL, why);
  return NULL;
}

/* watchable(fd): as blocking as it was, since both of its users block: frames, and the server's answers. */
napi_value watchable(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg, name;
  int32_t fd;
  int blocking = 0, bad;
  uv_loop_t *loop;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 || napi_get_value_int32(env, arg, &fd) != napi_ok) {
    napi_throw_type_error(env, NULL, "watchable(fd)");
    return NULL;
  }
  if (handle != NULL) return refuse(env, "watchable: there is one already");
  /* of the size that this Node's libuv has, which may not be that of the header */
  uv_poll_t *fresh = malloc(uv_handle_size(UV_POLL));
  if (fresh == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) { free(fresh); return refuse(env, "watchable: no loop"); }
  bad = uv_poll_init(loop, fresh, fd);
  if (bad) { free(fresh); return refuse(env, uv_strerror(bad)); }
  handle = fresh;
  home = env;
  if (ioctl(fd, FIONBIO, &blocking)) return fail(env, "ioctl");
  if (napi_create_string_utf8(env, "channel", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, NULL, name, &context) != napi_ok) return refuse(env, "watchable: no context");
  return NULL;
}

static void readable(uv_poll_t *of, int status, int events) {
  (void)of, (void)status, (void)events; /* an error too is told by reading */
  napi_handle_scope scope;
  napi_value call, self, error;
  if (callback == NULL || napi_open_handle_scope(home, &scope) != napi_ok) return;
  if (napi_get_reference_value(home, callback, &call) == napi_ok && napi_get_global(home, &self) == napi_ok &&
      napi_make_callback(home, context, self, call, 0, NULL, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(home, &error) == napi_ok) napi_fatal_exception(home, error);
  napi_close_handle_scope(home, scope);
}

/* watch(call): calls it whenever there is something to read, and keeps the loop alive; watch(null) ends that. */
napi_value watch_channel(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  napi_valuetype type;
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 || napi_typeof(env, arg, &type) != napi_ok ||
      (type != napi_function && type != napi_null) || handle == NULL || env != home) {
    napi_throw_type_error(env, NULL, "watch(function or null), after watchable(fd)");
    return NULL;
  }
  uv_poll_stop(handle);
  if (callback != NULL) { napi_delete_reference(env, callback); callback = NULL; }
  if (type == napi_null) return NULL;
  if (napi_create_reference(env, arg, 1, &callback) != napi_ok) return refuse(env, "watch: no reference");
  int bad = uv_poll_start(handle, UV_READABLE, readable);
  return bad ? refuse(env, uv_strerror(bad)) : NULL;
}
