"""Direct system calls and what each phase does with them: exec_boot, exec_run, fork_boot, server, child.

A: the kernel answers as it does without a filter. E: EPERM. N: ENOSYS. K: killed by SIGSYS.
Calls that are killed in every phase are never made without a filter; all others are harmless even when root makes them.
Arguments are numbers or what seccomp_call.py knows by name; NOISE is in the upper half, which the kernel does not read there.
"""

import re
from collections.abc import Iterator
from typing import Final

Args = tuple[int | str, ...]

PHASES: Final = ("exec_boot", "exec_run", "fork_boot", "server", "child")

NOISE: Final = 0xBAD << 32
_NAMES: Final = {"CWD": -100, "PRIVATE": 0x22, "SHARED": 0x21, "GROWSDOWN": 0x122, "HUGETLB": 0x40022, "NOISE": NOISE}

_TABLE: Final = """
# what running code needs
AAAAA
  read(-1,buf,1) write(-1,buf,1) writev(-1,buf,1) close(-1) poll(0,0,0) ppoll(0,0,buf,0,8) brk(0)
  munmap(0,0) mremap(1,0,0,0) mprotect(0,0,5) mmap(0,0x1000,3,PRIVATE,-1,0) mmap(0,0x1000,7,PRIVATE,-1,0)
  mmap(0,0x1000,3,PRIVATE|NOISE,-1,0) madvise(0,0,4) madvise(0,0,4|NOISE) futex(buf,1,1)
  futex(buf,129,1) futex(buf,128,7) futex(buf,1|NOISE,1) gettid() getpid() sched_yield() restart_syscall()
  set_robust_list(0,24) rseq(0,0,0,0) epoll_ctl(-1,1,0,buf) epoll_wait(-1,buf,1,0) epoll_pwait(-1,buf,1,0,0,8)
  clock_gettime(1,buf) clock_getres(1,buf) gettimeofday(buf,0) time(0)
  rt_sigaction(99,0,0,8) rt_sigprocmask(0,0,0,8) getrandom(buf,8,0) getuid() geteuid() getgid()
  getegid() uname(buf) prctl(15,null,0,0,0)
  prctl(15|NOISE,null,0,0,0) prlimit64(0,7,0,buf) prlimit64(NOISE,7,0,buf)
  prlimit64(NOISE,2|NOISE,ones,0) prlimit64(0,2,ones,0) prlimit64(0,2,0x1_0000_0000,0) exit(0)
  exit_group(0) a_thread() a_requeue()
# boot
AEAEE
  openat(CWD,null,0) openat(CWD,null,0o2000000|NOISE) fstat(0,buf) newfstatat(CWD,null,buf,0) statx(CWD,null,0,0,buf)
  pread64(-1,buf,1,0) readlink(null,buf,8) readlinkat(CWD,null,buf,8) access(null,0) faccessat(CWD,null,0)
  arch_prctl(0x1002,fs) arch_prctl(0x1002|NOISE,fs) set_tid_address(buf) sched_getaffinity(0,128,buf) sysinfo(buf) capget(buf,0)
  ioctl(0,0x5401,buf)
  ioctl(-1,0x5451,0) ioctl(0,0x5401|NOISE,buf) fcntl(0,3) fcntl(0,3|NOISE) fcntl(-1,2,1)
  ioctl(-1,0x5421,buf) ioctl(-1,0x5421|NOISE,buf)
AKAKK
  execve(buf,0,0)
AEAAE
  epoll_create1(0) eventfd2(0,0) pipe2(buf,0)
AKAAK
  seccomp(1,0,0) seccomp(1|NOISE,0,0)
AAEEE
  kill(self,0) tgkill(self,self,0) kill(self+,0)
# the fork server alone
EEAAE
  recvmsg(-1,buf,0) sendmsg(-1,buf,0) wait4(-1,0,1,0) pidfd_open(self,0) getppid() dup3(0,99,0) close_range(100,200,0)
  fcntl(0,1030,99) fcntl(0,1030|NOISE,99) prctl(1,0,0,0,0) prctl(1|NOISE,0,0,0,0) prlimit64(0,0,ones,0)
  prlimit64(NOISE,NOISE,ones,0) prlimit64(0,7,0x1_0000_0000,0) a_fork()
EEAEE
  madvise(0,0,14) madvise(0,0,14|NOISE) prctl(0x53564d41,0,0,0,0) prctl(0x53564d41|NOISE,0,0,0,0)
EKAAK
  landlock_create_ruleset(0,0,1) landlock_restrict_self(-1,0)
EKEEK
  landlock_add_rule(-1,1,buf,0)   seccomp(0,0,0) seccomp(2,0,buf)
# nobody, with a clean refusal
EEEEE
  socket(1,1,0) socket(2,1,0) socket(16,3,0) socketpair(1,1,0,buf) connect(-1,buf,16) bind(-1,buf,16) listen(-1,1)
  readv(-1,buf,1) preadv(-1,buf,1,0,0) pwritev(-1,buf,1,0,0) lseek(-1,0,0) accept(-1,0,0) accept4(-1,0,0,0)
  shutdown(-1,2) sendto(-1,buf,1,0,0,0) recvfrom(-1,buf,1,0,0,0) sendmmsg(-1,buf,1,0)
  recvmmsg(-1,buf,1,0,0) getsockname(-1,buf,buf) getsockopt(-1,1,1,buf,buf) setsockopt(-1,1,1,buf,4) open(null,0)
  creat(buf,0o600) openat(CWD,null,1) openat(CWD,null,2) openat(CWD,buf,0o100) openat(CWD,null,0o1000) stat(null,buf)
  lstat(null,buf) getcwd(buf,0x1000) chdir(buf) fchdir(-1) unlink(buf) unlinkat(-1,buf,0) rename(buf,buf)
  mkdir(buf,0o700) rmdir(buf) symlink(buf,buf) link(buf,buf) chmod(buf,0) fchmod(-1,0) chown(buf,0,0) truncate(buf,0)
  ftruncate(-1,0) fallocate(-1,0,0,1) getdents64(-1,buf,8) mknodat(-1,buf,0,0) utimensat(-1,0,0,0) flock(-1,1) fsync(-1)
  pwrite64(-1,buf,1,0) inotify_init1(0) setxattr(buf,buf,buf,0,0) statfs(null,buf) sendfile(-1,-1,0,1)
  splice(-1,0,-1,0,1,0) tee(-1,-1,1,0) vmsplice(-1,buf,1,0) copy_file_range(-1,0,-1,0,1,0) mmap(0,0x1000,3,SHARED,-1,0)
  mmap(0,0x1000,3,GROWSDOWN,-1,0) mmap(0,0x1000,3,HUGETLB,-1,0) mmap(0,0x1000,3,SHARED|NOISE,-1,0) madvise(0,0,12)
  madvise(0,0,22) madvise(0,0,8) madvise(0,0,10) madvise(0,0,16) futex(buf,4,0) futex(buf,5,0) futex(buf,10,0)
  futex(buf,6,0) futex(buf,13,0) futex(buf,2,0) membarrier(0,0,0) mlock(0,0) mlockall(0) msync(0,0,0)
  mincore(0,0,buf) remap_file_pages(0,0,0,0,0) mbind(0,0,0,0,0,0) set_mempolicy(0,0,0) shmget(0,0x1000,0) shmat(-1,0,0)
  semget(0,1,0) msgget(0,0) mq_open(buf,0,0,0) clone(17,0,0,0,0) clone(0x10000011,0,0,0,0) clone(0x40000011,0,0,0,0)
# a fork, and in the upper half what older kernels took for CLONE_CLEAR_SIGHAND of clone3
  clone(0x1_0120_0011,0,0,0,0)
  kill(1,0) kill(0,0) kill(-1,0) tkill(self,0) tgkill(1,1,0) rt_sigqueueinfo(self,0,buf)
  rt_tgsigqueueinfo(self,self,0,buf) pidfd_send_signal(-1,0,0,0) rt_sigpending(buf,8) rt_sigtimedwait(buf,0,buf,8)
  signalfd4(-1,buf,8,0) timer_create(1,0,buf) timerfd_create(1,0) setitimer(0,0,0) alarm(0) setrlimit(99,buf)
  getrlimit(7,buf) prlimit64(0,1,0x1_0000_0000,0) prlimit64(0,4,buf,0) prlimit64(1,2,0,buf) prlimit64(1,7,0,buf)
  sigaltstack(0,0) nanosleep(buf,0) clock_nanosleep(1,0,buf,0) getrusage(0,buf) times(buf) getcpu(buf,0,0)
  setpriority(0,0,0) getpriority(0,0) sched_setaffinity(0,128,ones)
  sched_setscheduler(0,99,buf) sched_setattr(0,buf,0) ioprio_set(99,0,0) prctl(4,1,0,0,0) prctl(22,1,0,0,0)
  prctl(23,0,0,0,0) prctl(36,0,0,0,0) prctl(38,1,0,0,0) prctl(59,0,0,0,0) prctl(16,buf,0,0,0)
  ioctl(-1,0x5450,0) ioctl(0,0x5412,buf) ioctl(-1,0x5413,buf) fcntl(0,0,50) fcntl(0,1) fcntl(-1,4,0)
  fcntl(-1,8,0) fcntl(-1,1031,0x1000) dup(0) dup2(0,99) waitid(0,0,0,1,0) getpgid(0) setpgid(0,0) getsid(0) setsid()
  umask(0o77) getgroups(0,0) arch_prctl(0x1001,0) arch_prctl(0x1003,buf) syslog(99,0,0) settimeofday(0,0)
  clock_settime(99,0) adjtimex(buf)
  sethostname(0,10)
# nobody, and the caller knows what to do instead
NNNNN
  clone3(buf,64) io_uring_setup(8,buf) io_uring_enter(-1,0,0,0,0,0) io_uring_register(-1,99,0,0) pkey_alloc(0,0)
  pkey_free(99) pkey_mprotect(0,0,0,0) memfd_create(buf,0) memfd_secret(0) openat2(CWD,null,buf,24)
  faccessat2(CWD,null,0,0) #462(1,0,0) #9999()
# nobody honest
KKKKK
  ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd bpf perf_event_open
  userfaultfd keyctl add_key request_key lookup_dcookie nfsservctl init_module finit_module delete_module kexec_load
  kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd iopl ioperm modify_ldt personality vhangup mount
  umount2 pivot_root chroot unshare setns move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr
  name_to_handle_at open_by_handle_at setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid
  capset fork vfork execveat #x32:39 #x32:520
"""

# With W^X (no jit) and without threads.
_HARDENED: Final = """
AEAEE
  mmap(0,0x1000,7,PRIVATE,-1,0) mmap(0,0x1000,5,PRIVATE,-1,0) mmap(0,0x1000,4|NOISE,PRIVATE,-1,0) mprotect(0,0,4)
  mprotect(0,0,5) a_thread()
AAAAA
  mmap(0,0x1000,3,PRIVATE,-1,0) mprotect(0,0,3)
NNNNN
  pkey_mprotect(0,0,4,-1)
EEEEE
  clone(17,0,0,0,0)
EEAAE
  a_fork()
"""


def _argument(text: str) -> int | str:
    parts = text.split("|")
    try:
        return sum(_NAMES[part] if part in _NAMES else int(part, 0) for part in parts)
    except ValueError:
        return text


def _rows(table: str) -> Iterator[tuple[str, Args, str]]:
    outcome = ""
    for line in table.splitlines():
        if re.fullmatch("[AENK]{5}", line):
            outcome = line
        elif not line.startswith("#"):
            for call, args in re.findall(r"(#?[\w:]+)(?:\(([^)]*)\))?", line):
                yield call, tuple(_argument(arg) for arg in args.split(",") if arg), outcome


TABLE: Final = list(_rows(_TABLE))
HARDENED: Final = list(_rows(_HARDENED))
