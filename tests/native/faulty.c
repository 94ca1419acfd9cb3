/* Forgets memory when it is loaded, and reads behind memory when it is asked to: what must be seen. */
#include <stdlib.h>
#include "node_api.h"

static napi_value overrun(napi_env env, napi_callback_info info) {
  (void)info;
  volatile char *bytes = malloc(8);
  napi_value seen;
  napi_create_int32(env, bytes[8], &seen);
  free((void *)bytes);
  return seen;
}

NAPI_MODULE_INIT() {
  napi_value function;
  volatile char *forgotten = malloc(100);
  forgotten[0] = 1;
  forgotten = NULL;
  napi_create_function(env, "overrun", NAPI_AUTO_LENGTH, overrun, NULL, &function);
  napi_set_named_property(env, exports, "overrun", function);
  return exports;
}
