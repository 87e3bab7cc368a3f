/* A library that comes between a program and its files, by LD_PRELOAD.
 *
 * It numbers the operations under one folder, in the order in which they reach the kernel, and what
 * the program says on stdout and stderr between them. It can write all of them down, and at one
 * of them kill the process, write half and then kill, or fail. What it does is in the environment,
 * which it looks at until CRASH_FOLDER is there: so it may be loaded by a process that forks first.
 *
 *   CRASH_FOLDER  the folder, as the kernel names it
 *   CRASH_LOG     where operations are written down; nowhere if it is missing
 *   CRASH_COUNTS  the kinds of operations that are counted, of those in `enum kind`
 *   CRASH_AT      the number of the operation at which something happens, from 1
 *   CRASH_DOES    what: kill, tear, fail (this one), fail-on (all from this one)
 *   CRASH_ERRNO   how it fails
 *   CRASH_SYNC    what a sync does: real, or a number of microseconds that it only takes
 *   CRASH_BOOT    the file that is read as the ID of this boot
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* What happens to files, and what is said: `Kind` in log.py has the same letters. */
enum kind {
    OPEN = 'o', /* to write, and created if it were missing: changes nothing by itself */
    CREATE = 'c',
    WRITE = 'w',
    TRUNCATE = 't',
    RENAME = 'r',
    LINK = 'l',
    UNLINK = 'u',
    MKDIR = 'm',
    RMDIR = 'd',
    CHMOD = 'h',
    SYNC = 's',
    SYNCED = 'e',
    SAY = 'p',
};

struct operation {
    enum kind kind;
    uint64_t inode;
    int64_t offset; /* of a write; of a truncation, the new size */
    const char *path;
    const char *target;
    const void *data;
    size_t size;
};

struct __attribute__((packed)) entry {
    uint32_t kind;
    uint32_t thread;
    uint64_t inode;
    int64_t offset;
    uint32_t path, target, data;
};

static struct {
    char folder[PATH_MAX];
    size_t length;
    int log;
    const char *counts;
    long at;
    const char *does;
    int error;
    long sync; /* microseconds; -1 for a real one */
    const char *boot;
} plan;

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static long number;

static void read_plan(void)
{
    const char *text = getenv("CRASH_FOLDER");
    plan.length = strlen(text);
    memcpy(plan.folder, text, plan.length + 1);
    text = getenv("CRASH_LOG");
    plan.log = text ? syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    text = getenv("CRASH_COUNTS");
    plan.counts = strdup(text ? text : "");
    text = getenv("CRASH_AT");
    plan.at = text ? atol(text) : 0;
    text = getenv("CRASH_DOES");
    plan.does = strdup(text ? text : "");
    text = getenv("CRASH_ERRNO");
    plan.error = text ? atoi(text) : EIO;
    text = getenv("CRASH_SYNC");
    plan.sync = text && strcmp(text, "real") == 0 ? -1 : text ? atol(text) : 0;
    text = getenv("CRASH_BOOT");
    plan.boot = text ? strdup(text) : NULL;
}

static int planned(void)
{
    static int is_read;
    if (!is_read) {
        if (getenv("CRASH_FOLDER") == NULL)
            return 0;
        pthread_once(&once, read_plan);
        is_read = 1;
    }
    return 1;
}

static int watched(const char *path)
{
    size_t length = strlen(path);
    if (strncmp(path, plan.folder, plan.length) != 0)
        return 0;
    if (path[plan.length] != '/' && path[plan.length] != 0)
        return 0;
    /* Shared memory of SQLite, which it makes anew after a crash. */
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static int path_of(int descriptor, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return watched(path);
}

static int path_at(int folder, const char *name, char *path)
{
    if (name == NULL)
        return 0;
    if (name[0] == '/')
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && watched(path);
    char base[PATH_MAX];
    if (folder != AT_FDCWD)
        path_of(folder, base);
    else if (syscall(SYS_getcwd, base, sizeof base) < 0)
        return 0;
    return snprintf(path, PATH_MAX, "%s/%s", base, name) < PATH_MAX && watched(path);
}

static void note(const struct operation *done)
{
    if (plan.log < 0)
        return;
    const char *path = done->path ? done->path + plan.length : "";
    const char *target = done->target ? done->target + plan.length : "";
    struct entry entry = {
        .kind = done->kind,
        .thread = syscall(SYS_gettid),
        .inode = done->inode,
        .offset = done->offset,
        .path = strlen(path),
        .target = strlen(target),
        .data = done->size,
    };
    struct iovec parts[] = {
        {&entry, sizeof entry},
        {(void *)path, entry.path},
        {(void *)target, entry.target},
        {(void *)done->data, entry.data},
    };
    syscall(SYS_writev, plan.log, parts, 4);
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Begins an operation, in order. Returns whether it may be done; else it failed, and is over. */
static int begin(enum kind kind, int descriptor, const void *data, size_t size, int64_t offset)
{
    pthread_mutex_lock(&order);
    if (strchr(plan.counts, kind) == NULL)
        return 1;
    number++;
    int fails = strcmp(plan.does, "fail-on") == 0 && plan.at && number >= plan.at;
    if (number == plan.at) {
        if (strcmp(plan.does, "kill") == 0)
            die();
        if (strcmp(plan.does, "tear") == 0) {
            if (offset < 0)
                syscall(SYS_write, descriptor, data, size / 2);
            else
                syscall(SYS_pwrite64, descriptor, data, size / 2, offset);
            die();
        }
        fails |= strcmp(plan.does, "fail") == 0;
    }
    if (!fails)
        return 1;
    pthread_mutex_unlock(&order);
    errno = plan.error;
    return 0;
}

static void end(struct operation done, long result)
{
    int error = errno;
    if (result >= 0)
        note(&done);
    pthread_mutex_unlock(&order);
    errno = error;
}


static uint64_t inode_of(int descriptor)
{
    struct stat found;
    return fstat(descriptor, &found) == 0 ? found.st_ino : 0;
}

/* ---- files by their names */

static int opened(int folder, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    if (planned() && plan.boot && name && strcmp(name, BOOT_ID) == 0)
        name = plan.boot;
    if (!planned() || !(flags & (O_CREAT | O_TRUNC)) || !path_at(folder, name, path))
        return syscall(SYS_openat, folder, name, flags, mode);
    int is_there = syscall(SYS_faccessat, folder, name, F_OK) == 0;
    enum kind kind = !is_there ? CREATE : flags & O_TRUNC ? TRUNCATE : OPEN;
    if (!begin(kind, -1, NULL, 0, 0))
        return -1;
    int result = syscall(SYS_openat, folder, name, flags, mode);
    end((struct operation){.kind = kind, .path = path, .inode = inode_of(result)}, result);
    return result;
}

static mode_t mode_in(int flags, va_list more)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

#define OPENS(name)                                              \
    int name(const char *path, int flags, ...)                   \
    {                                                            \
        va_list more;                                            \
        va_start(more, flags);                                   \
        mode_t mode = mode_in(flags, more);                      \
        va_end(more);                                            \
        return opened(AT_FDCWD, path, flags, mode);              \
    }
#define OPENS_AT(name)                                           \
    int name(int folder, const char *path, int flags, ...)       \
    {                                                            \
        va_list more;                                            \
        va_start(more, flags);                                   \
        mode_t mode = mode_in(flags, more);                      \
        va_end(more);                                            \
        return opened(folder, path, flags, mode);                \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

static int renamed(int from, const char *old, int to, const char *new, enum kind kind, int flags)
{
    char path[PATH_MAX], target[PATH_MAX];
    int is_watched = planned() && path_at(from, old, path) && path_at(to, new, target);
    if (is_watched && !begin(kind, -1, NULL, 0, 0))
        return -1;
    struct stat found = {0};
    if (is_watched)
        fstatat(from, old, &found, AT_SYMLINK_NOFOLLOW);
    int result = kind == LINK ? syscall(SYS_linkat, from, old, to, new, flags)
                              : syscall(SYS_renameat2, from, old, to, new, flags);
    /* Sockets get names, too; only files are followed. */
    if (is_watched)
        end((struct operation){.kind = kind, .path = path, .target = target, .inode = found.st_ino},
            S_ISREG(found.st_mode) ? result : -1);
    return result;
}

int rename(const char *old, const char *new)
{
    return renamed(AT_FDCWD, old, AT_FDCWD, new, RENAME, 0);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return renamed(from, old, to, new, RENAME, 0);
}

int link(const char *old, const char *new)
{
    return renamed(AT_FDCWD, old, AT_FDCWD, new, LINK, 0);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    return renamed(from, old, to, new, LINK, flags);
}

static int named(enum kind kind, int folder, const char *name, int argument)
{
    char path[PATH_MAX];
    int is_watched = planned() && path_at(folder, name, path);
    if (is_watched && !begin(kind, -1, NULL, 0, 0))
        return -1;
    int result = kind == MKDIR   ? syscall(SYS_mkdirat, folder, name, argument)
                 : kind == CHMOD ? syscall(SYS_fchmodat, folder, name, argument)
                                 : syscall(SYS_unlinkat, folder, name, argument);
    if (is_watched)
        end((struct operation){.kind = kind, .path = path}, result);
    return result;
}

int mkdir(const char *name, mode_t mode)
{
    return named(MKDIR, AT_FDCWD, name, mode);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    return named(MKDIR, folder, name, mode);
}

int chmod(const char *name, mode_t mode)
{
    return named(CHMOD, AT_FDCWD, name, mode);
}

int rmdir(const char *name)
{
    return named(RMDIR, AT_FDCWD, name, AT_REMOVEDIR);
}

int unlink(const char *name)
{
    return named(UNLINK, AT_FDCWD, name, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    return named(flags & AT_REMOVEDIR ? RMDIR : UNLINK, folder, name, flags);
}

/* ---- files that are open */

static int64_t next_offset(int descriptor)
{
    struct stat found;
    if (fcntl(descriptor, F_GETFL) & O_APPEND && fstat(descriptor, &found) == 0)
        return found.st_size;
    return lseek(descriptor, 0, SEEK_CUR);
}

/* `offset` is -1 where the file itself knows where it is. */
static ssize_t written(int descriptor, const void *data, size_t size, off_t offset)
{
    char path[PATH_MAX];
    int says = offset < 0 && (descriptor == 1 || descriptor == 2);
    int is_watched = planned() && (path_of(descriptor, path) || says);
    if (is_watched && !begin(says ? SAY : WRITE, descriptor, data, size, offset))
        return -1;
    struct operation done = {.kind = WRITE, .path = path, .offset = offset, .data = data};
    if (is_watched && says)
        done = (struct operation){.kind = SAY, .inode = descriptor, .data = data};
    else if (is_watched) {
        done.inode = inode_of(descriptor);
        if (offset < 0)
            done.offset = next_offset(descriptor);
    }
    ssize_t result = offset < 0 ? syscall(SYS_write, descriptor, data, size)
                                : syscall(SYS_pwrite64, descriptor, data, size, offset);
    done.size = result < 0 ? 0 : result;
    if (is_watched)
        end(done, result);
    return result;
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    return written(descriptor, data, size, -1);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return written(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off_t offset)
{
    return written(descriptor, data, size, offset);
}

static int changed(enum kind kind, int descriptor, off_t argument)
{
    char path[PATH_MAX];
    int is_watched = planned() && path_of(descriptor, path);
    if (is_watched && !begin(kind, -1, NULL, 0, 0))
        return -1;
    int result = kind == CHMOD ? syscall(SYS_fchmod, descriptor, (mode_t)argument)
                               : syscall(SYS_ftruncate, descriptor, argument);
    if (is_watched)
        end((struct operation){.kind = kind, .path = path, .inode = inode_of(descriptor),
                               .offset = argument},
            result);
    return result;
}

int fchmod(int descriptor, mode_t mode)
{
    return changed(CHMOD, descriptor, mode);
}

int ftruncate(int descriptor, off_t size)
{
    return changed(TRUNCATE, descriptor, size);
}

int ftruncate64(int descriptor, off_t size)
{
    return changed(TRUNCATE, descriptor, size);
}

/* Others may write while a sync takes its time: it begins and ends as two operations. */
static int synced(int descriptor, long call)
{
    char path[PATH_MAX];
    if (!planned() || !path_of(descriptor, path))
        return syscall(call, descriptor);
    if (!begin(SYNC, -1, NULL, 0, 0))
        return -1;
    struct operation sync = {.kind = SYNC, .path = path, .inode = inode_of(descriptor)};
    end(sync, 0);
    int result = 0;
    if (plan.sync < 0)
        result = syscall(call, descriptor);
    else if (plan.sync > 0)
        nanosleep(&(struct timespec){0, plan.sync * 1000}, NULL);
    if (!begin(SYNCED, -1, NULL, 0, 0))
        return -1;
    sync.kind = SYNCED;
    end(sync, result);
    return result;
}

int fsync(int descriptor)
{
    return synced(descriptor, SYS_fsync);
}

int fdatasync(int descriptor)
{
    return synced(descriptor, SYS_fdatasync);
}
