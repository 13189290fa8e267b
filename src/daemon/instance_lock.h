/*
 * instance_lock - no two processes of one machine work under the same instance name on the same Redis.
 *
 * They would take each other's leases for their own of an earlier life.  The lock is the binding of an
 * abstract unix socket, which the kernel lets go when the process ends, however it ends.  It does not
 * reach into other network namespaces and machines, nor to another spelling of the address of the same Redis: for
 * those there is daemon/registrar.h.
 */
#ifndef BH_DAEMON_INSTANCE_LOCK_H
#define BH_DAEMON_INSTANCE_LOCK_H

#include <bellhop/error.h>

#include "core/config.h"

struct bh_instance_lock {
    int fd;        /* -1: not held */
    char name[33]; /* digest of Redis' address, prefix and instance: what is locked */
};

#define BH_INSTANCE_LOCK_NONE ((struct bh_instance_lock){.fd = -1})

/* BH_EINVAL with a sentence when another process holds it; BH_EIO. */
enum bh_status bh_instance_lock_take(struct bh_instance_lock *lock, const struct bh_config *config,
                                     struct bh_error *error) BH_MUST_CHECK;
void bh_instance_lock_release(struct bh_instance_lock *lock);

#endif
