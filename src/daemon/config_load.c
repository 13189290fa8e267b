#include "daemon/config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/zone.h"

#define ZONE_DIRECTORY      "/usr/share/zoneinfo"
#define HOST_NAME_MAX_BYTES 256

struct system {
    struct bh_str credentials; /* the service manager's directory; empty: none */
};

/* ---- Files ---- */

static enum bh_status
system_trouble(struct bh_error *error, int number)
{
    char text[128];
    if (strerror_r(number, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", number);
    (void)bh_error_set(error, "", "%s", text);
    return number == ENOMEM ? BH_ENOMEM : BH_EIO;
}

/* Until the end, or one byte more than `buf` may hold. */
static enum bh_status
read_open_file(int fd, struct bh_buf *buf, struct bh_error *error)
{
    char chunk[4096];
    enum bh_status status = BH_OK;
    for (;;) {
        ssize_t len = read(fd, chunk, sizeof(chunk));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            status = system_trouble(error, errno);
        if (len <= 0)
            break;
        status = bh_buf_append(buf, chunk, (size_t)len);
        if (status == BH_ETOOBIG)
            (void)bh_error_set(error, "", "the file has more than %zu bytes", buf->max);
        if (status != BH_OK)
            break;
    }
    /* It may have held a secret. */
    bh_config_wipe(chunk, sizeof(chunk));
    return status;
}

/* Open without waiting for anybody, and look what it is. */
static enum bh_status
read_file(const char *path, struct bh_buf *buf, struct stat *ret_about, struct bh_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return system_trouble(error, errno);
    enum bh_status status = BH_OK;
    if (fstat(fd, ret_about) != 0) {
        status = system_trouble(error, errno);
    } else if (!S_ISREG(ret_about->st_mode)) {
        (void)bh_error_set(error, "", "it is not a regular file");
        status = BH_EIO;
    } else {
        status = read_open_file(fd, buf, error);
    }
    (void)close(fd); /* nothing was written, so nothing can be lost */
    return status;
}

/* A group of our own is how a service without root's rights gets at its file (root:bellhop 0640). */
static bool
is_exposed(const struct stat *about)
{
    if ((about->st_mode & (S_IROTH | S_IWOTH)) != 0)
        return true;
    return (about->st_mode & (S_IRGRP | S_IWGRP)) != 0 && about->st_gid != getegid();
}

static enum bh_status
read_secret(void *arg, const char *path, struct bh_buf *ret_bytes, bool *ret_exposed,
            struct bh_error *error)
{
    const struct system *system = arg;
    struct stat about;
    enum bh_status status = read_file(path, ret_bytes, &about, error);
    if (status != BH_OK)
        return status;
    struct bh_str at = bh_str_from(path);
    bool guarded = system->credentials.len > 0 && bh_str_starts_with(at, system->credentials) &&
                   path[system->credentials.len] == '/';
    *ret_exposed = !guarded && is_exposed(&about);
    return BH_OK;
}

static enum bh_status
read_zone(void *arg, const char *name, struct bh_buf *ret_bytes, struct bh_error *error)
{
    (void)arg;
    char path[sizeof(ZONE_DIRECTORY) + 80];
    struct stat about;
    int len = snprintf(path, sizeof(path), ZONE_DIRECTORY "/%s", name);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        (void)bh_error_set(error, "", "the name is too long");
        return BH_EINVAL;
    }
    return read_file(path, ret_bytes, &about, error);
}

/* ---- The rest of the system ---- */

static void
get_host_name(char *ret_name, size_t size)
{
    if (gethostname(ret_name, size) != 0 || ret_name[0] == '\0')
        snprintf(ret_name, size, "bellhop");
    ret_name[size - 1] = '\0'; /* POSIX leaves a cut name open */
}

static struct bh_str
find_variable(const char *const *environment, struct bh_str name_and_equals)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        struct bh_str entry = bh_str_from(*environment);
        if (bh_str_starts_with(entry, name_and_equals))
            return (struct bh_str){entry.ptr + name_and_equals.len,
                                   entry.len - name_and_equals.len};
    }
    return (struct bh_str){NULL, 0};
}

enum bh_status
bh_config_load(const char *path, const char *const *environment, struct bh_config_report *report,
               struct bh_config **ret_config)
{
    char host_name[HOST_NAME_MAX_BYTES];
    struct bh_error error = {0};
    struct stat about;
    struct bh_buf bytes;
    bh_buf_init(&bytes, BH_CONFIG_FILE_MAX);
    enum bh_status status = read_file(path, &bytes, &about, &error);
    if (status != BH_OK && status != BH_ENOMEM) {
        bh_config_report_add(report, BH_CONFIG_ERROR, path, "the configuration cannot be read: %s",
                             error.text);
        status = BH_EINVAL;
    }
    if (status == BH_OK) {
        struct system system = {
            .credentials = find_variable(environment, BH_STR_LITERAL("CREDENTIALS_DIRECTORY=")),
        };
        get_host_name(host_name, sizeof(host_name));
        struct bh_config_source source = {
            .file_name = path,
            .file_bytes = bh_buf_str(&bytes),
            .file_exposed = is_exposed(&about),
            .environment = environment,
            .host_name = host_name,
            .files = {.arg = &system, .read_secret = read_secret, .read_zone = read_zone},
        };
        status = bh_config_read(&source, report, ret_config);
    }
    bh_config_wipe(bytes.ptr, bytes.len);
    bh_buf_release(&bytes);
    return status;
}
