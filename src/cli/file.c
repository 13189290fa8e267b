#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/fault.h"

static enum bh_status
complain(const char *path, const char *why, enum bh_status status, struct bh_error *error)
{
    (void)bh_error_set(error, "", "cannot read %s: %s",
                       strcmp(path, "-") == 0 ? "standard input" : bh_quote(bh_str_from(path)).text,
                       why);
    return status;
}

static enum bh_status
read_all(int file, const char *path, struct bh_buf *buf, struct bh_error *error)
{
    char bytes[16 * 1024];
    for (;;) {
        ssize_t got = read(file, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return complain(path, strerror(errno), BH_EIO, error);
        if (got == 0)
            return BH_OK;
        enum bh_status status = bh_buf_append(buf, bytes, (size_t)got);
        if (status == BH_ETOOBIG)
            return complain(path, "it is too long", status, error);
        if (status != BH_OK)
            return status;
    }
}

enum bh_status
bh_file_read(const char *path, struct bh_buf *buf, struct bh_error *ret_error)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, path, buf, ret_error);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return complain(path, strerror(errno), errno == ENOENT ? BH_ENOTFOUND : BH_EIO, ret_error);
    enum bh_status status = read_all(file, path, buf, ret_error);
    (void)close(file); /* read only: nothing can be lost */
    return status;
}
