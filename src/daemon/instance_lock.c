#include "daemon/instance_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/digest.h"
#include "core/fault.h"

static enum bh_status
lock_name(const struct bh_config *config, struct bh_digest *ret_name)
{
    const struct bh_str pieces[] = {
        bh_str_from(config->redis.url),
        bh_str_from(config->redis.prefix),
        bh_str_from(config->pool.instance),
    };
    return bh_digest_pieces(pieces, BH_ARRAY_LEN(pieces), ret_name);
}

enum bh_status
bh_instance_lock_take(struct bh_instance_lock *lock, const struct bh_config *config,
                      struct bh_error *error)
{
    struct bh_digest name;
    enum bh_status status = lock_name(config, &name);
    if (status != BH_OK)
        return status;

    /* The leading NUL puts the name into the abstract space, where no file stays behind. */
    static const char prefix[] = "\0bellhop/instance/";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, prefix, sizeof(prefix) - 1);
    memcpy(address.sun_path + sizeof(prefix) - 1, name.hex, 32);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(prefix) - 1 + 32);

    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0)
        return BH_EIO;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
        bind(fd, (const struct sockaddr *)&address, size) == 0) {
        lock->fd = fd;
        memcpy(lock->name, name.hex, 32);
        lock->name[32] = '\0';
        return BH_OK;
    }
    int reason = errno;
    close(fd);
    if (reason != EADDRINUSE)
        return BH_EIO;
    return bh_error_set(error, "instance",
                        "another bellhopd on this machine already works as instance \"%s\" on this "
                        "Redis; give this one a name of its own with [pool] instance",
                        config->pool.instance);
}

void
bh_instance_lock_release(struct bh_instance_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}
