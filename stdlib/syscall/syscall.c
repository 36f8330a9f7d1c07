/* syscall.c - natives of package syscall: files, names, the process.
 *
 * Every call that the kernel may let wait stands in a blocking section. Inside one only C memory
 * and memory that the fiber's frame keeps alive is touched: the caller's buffer (the frame's cell
 * holds it, the heap does not move) and copies of paths. After a section the frame is taken anew.
 * Writes to stdout and stderr are the exception, so that a program that only prints needs no
 * second thread: where poll says that the write cannot wait it is done at once.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/cell.h"
#include "runtime/leak.h"
#include "runtime/native.h"
#include "runtime/quit.h"
#include "runtime/sched.h"

#define PATH_BYTES 4096

/* A path as C wants it. False, with errno set, if it is too long or has a zero byte. */
static bool path_copy(char *out, const Slot *s)
{
    String v = slot_string(s);
    if (v.len >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return false;
    }
    mem_copy(out, v.ptr, (size_t)v.len);
    out[v.len] = 0;
    if (strlen(out) != (size_t)v.len) {
        errno = EINVAL;
        return false;
    }
    return true;
}

/* Runs the expression in a blocking section, again after EINTR; leaves p and fp current. */
#define BLOCKING(result, call)                                                                     \
    do {                                                                                           \
        sched_enter_blocking(p);                                                                   \
        do {                                                                                       \
            (result) = (call);                                                                     \
        } while ((result) < 0 && errno == EINTR && !quit_wanted(p->vm));                                \
        error = (result) < 0 ? errno : 0;                                                          \
        p = sched_exit_blocking(p);                                                                \
        fp = native_frame(p);                                                                      \
    } while (0)

/* A replay waits for nobody outside: what another process or a goroutine of its own could keep it
 * waiting for is no part of it. */
static NativeStatus refuse_replay(P *p, const char *what)
{
    return native_panic_plain(p, "os: %s: only files and standard streams work with -sched=seed", what);
}

static bool may_wait(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* func(path string, flags int, perm uint32) (fd, errno int) */
static NativeStatus sys_open(P *p, Slot *fp)
{
    char path[PATH_BYTES];
    int flags = (int)fp[4].i, error = 0;
    mode_t perm = (mode_t)fp[5].u;
    int64_t fd = -1;
    if (path_copy(path, fp + 2)) {
        if (p->vm->replay && may_wait(path)) {
            return refuse_replay(p, "named pipe");
        }
        BLOCKING(fd, open(path, flags | O_CLOEXEC, perm));
    } else {
        error = errno;
    }
    fp[0].i = fd;
    fp[1].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_close(P *p, Slot *fp)
{
    int fd = (int)fp[1].i;
    sched_enter_blocking(p);
    int error = close(fd) < 0 && errno != EINTR ? errno : 0; /* Linux closes before it reports */
    p = sched_exit_blocking(p);
    native_frame(p)[0].i = error;
    return NATIVE_OK;
}

/* Waits until a non-blocking descriptor is ready; inside a blocking section. */
static bool wait_ready(int fd, short events)
{
    struct pollfd want = {fd, events, 0};
    return poll(&want, 1, -1) >= 0 || (errno == EINTR && events != POLLIN);
}

static ssize_t read_waiting(int fd, void *buf, size_t n)
{
    for (;;) {
        ssize_t got = read(fd, buf, n);
        if (got >= 0 || errno != EAGAIN || !wait_ready(fd, POLLIN)) {
            return got;
        }
    }
}

static ssize_t write_waiting(int fd, const void *buf, size_t n)
{
    for (;;) {
        ssize_t put = write(fd, buf, n);
        if (put >= 0 || errno != EAGAIN || !wait_ready(fd, POLLOUT)) {
            return put;
        }
    }
}

/* func(fd int, p []byte) (n, errno int) */
static NativeStatus sys_read(P *p, Slot *fp)
{
    int fd = (int)fp[2].i, error;
    Slice buf = slot_slice(fp + 3);
    ssize_t n;
    BLOCKING(n, read_waiting(fd, buf.ptr, buf.len));
    fp[0].i = n;
    fp[1].i = error;
    return NATIVE_OK;
}

/* What stdout (1) and stderr (2) are: 0 unknown, 1 may make a writer wait, 2 never does. Found at
 * the first write; racing finders find the same. */
static _Atomic int std_kind[3];

static bool std_never_waits(int fd)
{
    int kind = atomic_load_explicit(&std_kind[fd], memory_order_relaxed);
    if (kind == 0) {
        struct stat st;
        bool file = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) ||
                    (S_ISCHR(st.st_mode) && !isatty(fd)));
        kind = file ? 2 : 1;
        atomic_store_explicit(&std_kind[fd], kind, memory_order_relaxed);
    }
    return kind == 2;
}

/* May n bytes be written to fd without waiting? A pipe that poll calls writable takes PIPE_BUF. */
static bool writes_at_once(int fd, size_t n)
{
    if (fd != 1 && fd != 2) {
        return false;
    }
    if (std_never_waits(fd)) {
        return true;
    }
    struct pollfd want = {fd, POLLOUT, 0};
    return n <= 4096 && poll(&want, 1, 0) == 1 && (want.revents & (POLLOUT | POLLERR));
}

/* The reader of stdout or stderr is gone: end as programs do that never heard of SIGPIPE. */
static void broken_pipe(P *p, int fd)
{
    if ((fd == 1 || fd == 2) && p->vm->owns_process) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        signal(SIGPIPE, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        raise(SIGPIPE);
    }
}

/* Standard output or error of a VM whose host limits it or takes it. */
static bool output_allowed(P *p, size_t n)
{
    HostIO *io = p->vm->io;
    uint64_t sum = atomic_fetch_add_explicit(&io->output, n, memory_order_relaxed) + n;
    return io->output_max == 0 || sum <= io->output_max;
}

static NativeStatus write_to_host(P *p, Slot *fp, int fd, Slice buf)
{
    const HostIO *io = p->vm->io;
    sched_enter_blocking(p);
    size_t n = io->write(io->ctx, fd, buf.ptr, buf.len);
    p = sched_exit_blocking(p);
    fp = native_frame(p);
    fp[0].i = (int64_t)n;
    fp[1].i = n < buf.len ? EIO : 0;
    return NATIVE_OK;
}

/* write(2) that never raises SIGPIPE, for a VM in a host: its handlers are its own. */
static ssize_t write_in_host(int fd, const void *buf, size_t n)
{
    sigset_t pipe, old, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &old);
    sigpending(&pending);
    ssize_t put = write_waiting(fd, buf, n);
    int error = errno;
    if (put < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec none = {0, 0};
        while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return put;
}

static NativeStatus sys_write(P *p, Slot *fp)
{
    int fd = (int)fp[2].i, error;
    Slice buf = slot_slice(fp + 3);
    ssize_t n;
    if (p->vm->io && (fd == 1 || fd == 2)) {
        if (!output_allowed(p, buf.len)) {
            return native_fatal(p, "limit of %llu bytes of output reached",
                                (unsigned long long)p->vm->io->output_max);
        }
        if (p->vm->io->write) {
            return write_to_host(p, fp, fd, buf);
        }
    }
    if (!p->vm->owns_process) {
        BLOCKING(n, write_in_host(fd, buf.ptr, buf.len));
        fp[0].i = n;
        fp[1].i = error;
        return NATIVE_OK;
    }
    if (writes_at_once(fd, buf.len)) {
        do {
            n = write(fd, buf.ptr, buf.len);
        } while (n < 0 && errno == EINTR);
        error = n < 0 ? errno : 0;
    } else {
        error = EAGAIN;
    }
    if (error == EAGAIN) {
        BLOCKING(n, write_waiting(fd, buf.ptr, buf.len));
    }
    if (error == EPIPE) {
        broken_pipe(p, fd);
    }
    fp[0].i = n;
    fp[1].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_pread(P *p, Slot *fp)
{
    int fd = (int)fp[2].i, error;
    Slice buf = slot_slice(fp + 3);
    off_t at = fp[5].i;
    ssize_t n;
    BLOCKING(n, pread(fd, buf.ptr, buf.len, at));
    fp[0].i = n;
    fp[1].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_pwrite(P *p, Slot *fp)
{
    int fd = (int)fp[2].i, error;
    Slice buf = slot_slice(fp + 3);
    off_t at = fp[5].i;
    ssize_t n;
    BLOCKING(n, pwrite(fd, buf.ptr, buf.len, at));
    fp[0].i = n;
    fp[1].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_seek(P *p, Slot *fp)
{
    off_t at = lseek((int)fp[2].i, fp[3].i, (int)fp[4].i);
    fp[0].i = at;
    fp[1].i = at < 0 ? errno : 0;
    return NATIVE_OK;
}

static NativeStatus sys_fsync(P *p, Slot *fp)
{
    int fd = (int)fp[1].i, error, r;
    BLOCKING(r, fsync(fd));
    fp[0].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_pipe(P *p, Slot *fp)
{
    if (p->vm->replay) {
        return refuse_replay(p, "pipe");
    }
    int ends[2] = {-1, -1};
    int r = pipe2(ends, (int)fp[3].i);
    fp[0].i = ends[0];
    fp[1].i = ends[1];
    fp[2].i = r < 0 ? errno : 0;
    return NATIVE_OK;
}

/* syscall.Stat_t */
typedef struct ScriptStat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size, blksize, blocks;
    int64_t atim[2], mtim[2], ctim[2];
} ScriptStat;

/* func(path string, fd int, follow bool, st *Stat_t) (errno int) */
static NativeStatus sys_stat(P *p, Slot *fp)
{
    char path[PATH_BYTES];
    bool by_fd = fp[2].i == 0 && fp[3].i >= 0, follow = fp[4].u != 0;
    int fd = (int)fp[3].i, error, r;
    struct stat st;
    if (!fp[5].p) {
        fp[0].i = EFAULT;
        return NATIVE_OK;
    }
    if (!path_copy(path, fp + 1)) {
        fp[0].i = errno;
        return NATIVE_OK;
    }
    BLOCKING(r, by_fd ? fstat(fd, &st) : follow ? stat(path, &st) : lstat(path, &st));
    fp[0].i = error;
    if (r == 0) {
        ScriptStat out = {
            .dev = st.st_dev, .ino = st.st_ino, .nlink = st.st_nlink, .mode = st.st_mode,
            .uid = st.st_uid, .gid = st.st_gid, .rdev = st.st_rdev, .size = st.st_size,
            .blksize = st.st_blksize, .blocks = st.st_blocks,
            .atim = {st.st_atim.tv_sec, st.st_atim.tv_nsec},
            .mtim = {st.st_mtim.tv_sec, st.st_mtim.tv_nsec},
            .ctim = {st.st_ctim.tv_sec, st.st_ctim.tv_nsec},
        };
        mem_copy(fp[5].p, &out, sizeof out);
    }
    return NATIVE_OK;
}

/* The constants call* of syscall.gol. */
enum { MKDIR, RMDIR, UNLINK, CHMOD, CHDIR, TRUNCATE, CHOWN, LCHOWN, ACCESS };

static int path_call(int call, const char *path, int64_t a, int64_t b)
{
    switch (call) {
    case MKDIR:
        return mkdir(path, (mode_t)a);
    case RMDIR:
        return rmdir(path);
    case UNLINK:
        return unlink(path);
    case CHMOD:
        return chmod(path, (mode_t)a);
    case CHDIR:
        return chdir(path);
    case TRUNCATE:
        return truncate(path, a);
    case CHOWN:
        return chown(path, (uid_t)a, (gid_t)b);
    case LCHOWN:
        return lchown(path, (uid_t)a, (gid_t)b);
    case ACCESS:
        return access(path, (int)a);
    default:
        errno = ENOSYS;
        return -1;
    }
}

static int fd_call(int call, int fd, int64_t a, int64_t b)
{
    switch (call) {
    case CHMOD:
        return fchmod(fd, (mode_t)a);
    case CHDIR:
        return fchdir(fd);
    case TRUNCATE:
        return ftruncate(fd, a);
    case CHOWN:
        return fchown(fd, (uid_t)a, (gid_t)b);
    default:
        errno = ENOSYS;
        return -1;
    }
}

/* func(call int, path string, a, b int64) (errno int) */
static NativeStatus sys_path_call(P *p, Slot *fp)
{
    char path[PATH_BYTES];
    int call = (int)fp[1].i, error, r;
    int64_t a = fp[4].i, b = fp[5].i;
    if (!path_copy(path, fp + 2)) {
        fp[0].i = errno;
        return NATIVE_OK;
    }
    BLOCKING(r, path_call(call, path, a, b));
    fp[0].i = error;
    return NATIVE_OK;
}

/* func(call int, fd int, a, b int64) (errno int) */
static NativeStatus sys_fd_call(P *p, Slot *fp)
{
    int call = (int)fp[1].i, fd = (int)fp[2].i, error, r;
    int64_t a = fp[3].i, b = fp[4].i;
    BLOCKING(r, fd_call(call, fd, a, b));
    fp[0].i = error;
    return NATIVE_OK;
}

/* func(call int, from, to string) (errno int) */
static NativeStatus sys_pair_call(P *p, Slot *fp)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    int64_t call = fp[1].i;
    int error, r;
    if (!path_copy(from, fp + 2) || !path_copy(to, fp + 4)) {
        fp[0].i = errno;
        return NATIVE_OK;
    }
    BLOCKING(r, call == 0 ? rename(from, to) : call == 1 ? link(from, to) : symlink(from, to));
    fp[0].i = error;
    return NATIVE_OK;
}

/* func(path string) (target string, errno int) */
static NativeStatus sys_readlink(P *p, Slot *fp)
{
    char path[PATH_BYTES], target[PATH_BYTES];
    int error;
    ssize_t n;
    if (!path_copy(path, fp + 3)) {
        fp[2].i = errno;
        return NATIVE_OK;
    }
    BLOCKING(n, readlink(path, target, sizeof target));
    if (n > 0) {
        slot_set_string(fp, native_string(p, target, (size_t)n));
    }
    fp[2].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_getcwd(P *p, Slot *fp)
{
    char dir[PATH_BYTES];
    if (getcwd(dir, sizeof dir)) {
        slot_set_string(fp, native_string(p, dir, strlen(dir)));
    } else {
        fp[2].i = errno;
    }
    return NATIVE_OK;
}

/* func(path string, asec, ansec, msec, mnsec int64) (errno int) */
static NativeStatus sys_utimes(P *p, Slot *fp)
{
    char path[PATH_BYTES];
    struct timespec ts[2] = {{fp[3].i, fp[4].i}, {fp[5].i, fp[6].i}};
    int error, r;
    if (!path_copy(path, fp + 1)) {
        fp[0].i = errno;
        return NATIVE_OK;
    }
    BLOCKING(r, utimensat(AT_FDCWD, path, ts, 0));
    fp[0].i = error;
    return NATIVE_OK;
}

static NativeStatus sys_kill(P *p, Slot *fp)
{
    fp[0].i = kill((pid_t)fp[1].i, (int)fp[2].i) < 0 ? errno : 0;
    return NATIVE_OK;
}

/* getdents64's record */
typedef struct Dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
} Dirent64;

/* Rewrites a block of records as {type, name, 0}, in place; gives the new length. */
static size_t dirents_pack(char *buf, size_t n)
{
    size_t out = 0;
    for (size_t at = 0; at < n;) {
        Dirent64 *d = (Dirent64 *)(buf + at);
        size_t next = at + d->reclen, len = strlen(d->name);
        uint8_t type = d->type;
        if (strcmp(d->name, ".") != 0 && strcmp(d->name, "..") != 0) {
            memmove(buf + out + 1, d->name, len + 1);
            buf[out] = (char)type;
            out += len + 2;
        }
        at = next;
    }
    return out;
}

/* func(fd int) (entries string, errno int): skips blocks of "." and ".." alone, so that an empty
 * string is the end. */
static NativeStatus sys_readdir(P *p, Slot *fp)
{
    _Alignas(8) char buf[16384];
    int fd = (int)fp[3].i, error;
    long n;
    size_t len = 0;
    do {
        BLOCKING(n, syscall(SYS_getdents64, fd, buf, sizeof buf));
        len = n > 0 ? dirents_pack(buf, (size_t)n) : 0;
    } while (n > 0 && len == 0);
    slot_set_string(fp, native_string(p, buf, len));
    fp[2].i = error;
    return NATIVE_OK;
}

#define NUMBER(name, value)                                                                        \
    static NativeStatus name(P *p, Slot *fp)                                                       \
    {                                                                                              \
        fp[0].i = (int64_t)(value);                                                                \
        return NATIVE_OK;                                                                          \
    }
NUMBER(sys_getpid, getpid())
NUMBER(sys_getppid, getppid())
NUMBER(sys_getuid, getuid())
NUMBER(sys_geteuid, geteuid())
NUMBER(sys_getgid, getgid())
NUMBER(sys_getegid, getegid())
NUMBER(sys_getpagesize, sysconf(_SC_PAGESIZE))

static NativeStatus sys_exit(P *p, Slot *fp)
{
    int code = (int)(fp[0].i & 0xff);
    leak_at_exit(p);
    sched_exit_vm(p->vm, code);
    return NATIVE_EXIT;
}

static NativeStatus sys_hostname(P *p, Slot *fp)
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) == 0) {
        slot_set_string(fp, native_string(p, name, strlen(name)));
    }
    return NATIVE_OK;
}

/* The system's description with a small first letter, unless it begins with an acronym. */
static NativeStatus description(P *p, Slot *fp, const char *text, const char *kind)
{
    char buf[128];
    if (text) {
        snprintf(buf, sizeof buf, "%s", text);
        if (buf[0] >= 'A' && buf[0] <= 'Z' && buf[1] >= 'a' && buf[1] <= 'z') {
            buf[0] = (char)(buf[0] + 'a' - 'A');
        }
    } else {
        snprintf(buf, sizeof buf, "%s %lld", kind, (long long)fp[2].i);
    }
    slot_set_string(fp, native_string(p, buf, strlen(buf)));
    return NATIVE_OK;
}

static NativeStatus error_text(P *p, Slot *fp)
{
    int64_t n = fp[2].i;
    return description(p, fp, n > 0 && n < 4096 ? strerrordesc_np((int)n) : NULL, "errno");
}

static NativeStatus signal_text(P *p, Slot *fp)
{
    int64_t n = fp[2].i;
    return description(p, fp, n > 0 && n < 32 ? sigdescr_np((int)n) : NULL, "signal");
}

/* Strings, each with its zero byte, as one string. count < 0: up to a NULL. */
static String join_zero(P *p, const char *const *list, int count)
{
    size_t n = 0;
    for (int i = 0; count < 0 ? list[i] != NULL : i < count; i++) {
        n += strlen(list[i]) + 1;
    }
    char *buf = malloc(n + 1);
    if (!buf) {
        return (String){0};
    }
    size_t at = 0;
    for (int i = 0; count < 0 ? list[i] != NULL : i < count; i++) {
        size_t len = strlen(list[i]) + 1;
        memcpy(buf + at, list[i], len);
        at += len;
    }
    String s = native_string(p, buf, n);
    free(buf);
    return s;
}

static NativeStatus sys_environment(P *p, Slot *fp)
{
    const char *const *env = p->vm->env ? p->vm->env : (const char *const *)environ;
    slot_set_string(fp, env ? join_zero(p, env, -1) : (String){0});
    return NATIVE_OK;
}

static NativeStatus sys_arguments(P *p, Slot *fp)
{
    slot_set_string(fp, join_zero(p, p->vm->argv, p->vm->argc));
    return NATIVE_OK;
}

#define S "syscall"
const NativeDef natives_syscall[] = {
    {S, "open", "func(path string, flags int, perm uint32) (fd, errno int)", "open(2)", sys_open},
    {S, "closefd", "func(fd int) int", "close(2)", sys_close},
    {S, "read", "func(fd int, p []byte) (n, errno int)", "read(2)", sys_read},
    {S, "write", "func(fd int, p []byte) (n, errno int)", "write(2)", sys_write},
    {S, "pread", "func(fd int, p []byte, off int64) (n, errno int)", "pread(2)", sys_pread},
    {S, "pwrite", "func(fd int, p []byte, off int64) (n, errno int)", "pwrite(2)", sys_pwrite},
    {S, "seek", "func(fd int, off int64, whence int) (pos int64, errno int)", "lseek(2)", sys_seek},
    {S, "fsync", "func(fd int) int", "fsync(2)", sys_fsync},
    {S, "pipe", "func(flags int) (r, w, errno int)", "pipe2(2)", sys_pipe},
    {S, "stat", "func(path string, fd int, follow bool, st *Stat_t) int", "stat(2)", sys_stat},
    {S, "pathCall", "func(call int, path string, a, b int64) int", "a call with a path",
     sys_path_call},
    {S, "fdCall", "func(call, fd int, a, b int64) int", "a call with a descriptor", sys_fd_call},
    {S, "pairCall", "func(call int, from, to string) int", "a call with two paths", sys_pair_call},
    {S, "readlink", "func(path string) (target string, errno int)", "readlink(2)", sys_readlink},
    {S, "getcwd", "func() (dir string, errno int)", "getcwd(3)", sys_getcwd},
    {S, "utimes", "func(path string, asec, ansec, msec, mnsec int64) int", "utimensat(2)",
     sys_utimes},
    {S, "kill", "func(pid, sig int) int", "kill(2)", sys_kill},
    {S, "readdir", "func(fd int) (entries string, errno int)", "getdents64(2)", sys_readdir},
    {S, "Getpid", "func() int", "number of this process", sys_getpid},
    {S, "Getppid", "func() int", "number of the parent", sys_getppid},
    {S, "Getuid", "func() int", "user", sys_getuid},
    {S, "Geteuid", "func() int", "effective user", sys_geteuid},
    {S, "Getgid", "func() int", "group", sys_getgid},
    {S, "Getegid", "func() int", "effective group", sys_getegid},
    {S, "Getpagesize", "func() int", "size of a page", sys_getpagesize},
    {S, "Exit", "func(code int)", "ends the program", sys_exit},
    {S, "hostname", "func() string", "the machine's name", sys_hostname},
    {S, "errorText", "func(errno int) string", "describes an error", error_text},
    {S, "signalText", "func(sig int) string", "describes a signal", signal_text},
    {S, "environment", "func() string", "the environment, zero-separated", sys_environment},
    {S, "arguments", "func() string", "the command line, zero-separated", sys_arguments},
    {0},
};
