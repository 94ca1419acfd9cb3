/* The fork server.
 *
 * Asked over a SEQPACKET socket in the launcher's words (sandboxd/jail/launcher.py): a request brings a frame channel and a
 * stderr pipe; the answer takes the child's pidfd along, and a second one says how it ended. The server does nothing else:
 * the loop of Node is never entered again, and every descriptor of its own lies above OURS, where a child closes them all.
 */
#include "native.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "uv.h"

enum { CHANNEL = 3, MOST_CHILDREN = 512 };
enum { LAUNCH = 1, LAUNCHED = 1, EXITED = 2, REFUSED = 3 };
struct request { uint32_t op, id; uint64_t data_bytes; };
struct reply { uint32_t kind, id; int32_t pid, status; uint64_t cpu_us, resident_bytes; };

static struct { pid_t pid; uint32_t id; } child_of[MOST_CHILDREN + 1]; /* beside `watched`: [0] is the control socket */
static struct pollfd watched[MOST_CHILDREN + 1];

/* What a child does before it is let into JavaScript. A step that fails ends it, with its name on its own stderr. */
static void become_child(napi_env env, pid_t server, int channel, int errors, const struct request *asked) {
  const char *step = "stderr";
  uv_loop_t *loop;
  if (dup3(errors, 2, 0) < 0) goto failed;
  step = "life of the server";
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != server) goto failed;
  step = "channel";
  if (dup3(channel, CHANNEL, O_CLOEXEC) < 0) goto failed;
  close(channel);
  close(errors);
  step = "descriptors";
  if (replace_stock()) goto failed;
  step = "loop";
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_loop_fork(loop)) goto failed;
  step = "memory";
  if (asked->data_bytes && lower_limit(RLIMIT_DATA, asked->data_bytes)) goto failed;
  return;
failed:;
  char text[128]; /* not dprintf, which asks lseek for the place in the pipe, and a filter's EPERM is not the answer it knows */
  write_all(2, text, (size_t)snprintf(text, sizeof text, "the child did not get past the step %s: %s", step, strerror(errno)));
  _exit(97);
}

/* One message, with a descriptor if there is one (-1: none). The daemon may have gone: then so do we, at the next read. */
static void answer(int control, struct reply *reply, int fd) {
  struct iovec part = {.iov_base = reply, .iov_len = sizeof *reply};
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } rights;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = rights.bytes;
    message.msg_controllen = sizeof rights.bytes;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  while (sendmsg(control, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

static void refuse(int control, uint32_t id, int why) {
  struct reply reply = {.kind = REFUSED, .id = id, .pid = why};
  answer(control, &reply, -1);
}

/* A child is watched by its pidfd: SIGCHLD would be eaten by V8's own threads, which do not block it. */
static int watch(int *children, pid_t pid, uint32_t id) {
  int low = (int)syscall(SYS_pidfd_open, pid, 0);
  int pidfd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, OURS);
  int problem = errno;
  if (low >= 0) close(low);
  errno = problem;
  if (pidfd < 0) return -1;
  int at = ++*children;
  watched[at] = (struct pollfd){.fd = pidfd, .events = POLLIN};
  child_of[at].pid = pid;
  child_of[at].id = id;
  return pidfd;
}

static void reap(int control, int *children, int at) {
  int status = 0;
  struct rusage used = {0};
  if (wait4(child_of[at].pid, &status, WNOHANG, &used) != child_of[at].pid) return;
  struct reply reply = {.kind = EXITED, .id = child_of[at].id, .pid = child_of[at].pid, .status = status};
  reply.cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000;
  reply.cpu_us += (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  reply.resident_bytes = (uint64_t)used.ru_maxrss * 1024;
  close(watched[at].fd);
  watched[at] = watched[*children];
  child_of[at] = child_of[(*children)--];
  answer(control, &reply, -1);
}

/* 1: we are the child; 0: done. Ends the process at the end of the control socket. */
static int take_request(napi_env env, int control, pid_t self, int *children) {
  struct request asked = {0};
  struct iovec part = {.iov_base = &asked, .iov_len = sizeof asked};
  union { char bytes[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } rights;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  message.msg_control = rights.bytes;
  message.msg_controllen = sizeof rights.bytes;
  ssize_t size = recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (size <= 0) _exit(0);
  int fds[2] = {-1, -1};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  size_t carried = head && head->cmsg_type == SCM_RIGHTS ? head->cmsg_len - CMSG_LEN(0) : 0;
  if (carried) memcpy(fds, CMSG_DATA(head), carried < sizeof fds ? carried : sizeof fds);
  int problem = 0;
  if (size != sizeof asked || asked.op != LAUNCH || carried != sizeof fds) problem = EINVAL;
  else if (*children == MOST_CHILDREN) problem = EAGAIN;
  else {
    pid_t pid = fork();
    if (pid == 0) { become_child(env, self, fds[0], fds[1], &asked); return 1; }
    int pidfd = pid < 0 ? -1 : watch(children, pid, asked.id);
    if (pidfd < 0) {
      problem = errno; /* a child that nobody can watch leaves at the end of its channel, once the daemon has closed it */
    } else {
      struct reply reply = {.kind = LAUNCHED, .id = asked.id, .pid = pid};
      answer(control, &reply, pidfd);
    }
  }
  if (problem) refuse(control, asked.id, problem);
  for (int i = 0; i < 2; i++) if (fds[i] >= 0) close(fds[i]);
  return 0;
}

napi_value serve(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg;
  int32_t control;
  int children = 0;
  pid_t self = getpid();
  if (napi_get_cb_info(env, info, &argc, &arg, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_value_int32(env, arg, &control) != napi_ok || !stock_is_taken()) {
    napi_throw_type_error(env, NULL, "serve(control), after takeStock(control)");
    return NULL;
  }
  watched[0] = (struct pollfd){.fd = control, .events = POLLIN};
  for (;;) {
    if (poll(watched, (nfds_t)children + 1, -1) < 0) {
      if (errno == EINTR) continue;
      return fail(env, "poll");
    }
    for (int at = children; at > 0; at--) if (watched[at].revents) reap(control, &children, at); /* down: reap moves the last */
    if (watched[0].revents && take_request(env, control, self, &children)) return NULL;
  }
}
