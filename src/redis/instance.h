/*
 * instance - the registration of an instance's name in Redis: asking the script `instance` and reading its answer.
 *
 * When to ask is the caller's business (daemon/registrar.h).
 */
#ifndef BH_REDIS_INSTANCE_H
#define BH_REDIS_INSTANCE_H

#include "core/base.h"
#include "core/instant.h"
#include "redis/call.h"

struct redisReply;

#define BH_LIFE_LEN          12 /* hex digits that name one run of a process */
#define BH_INSTANCE_NAME_MAX 64
#define BH_INSTANCE_HOST_MAX 255
#define BH_INSTANCE_KEY_MAX  (64 + BH_INSTANCE_NAME_MAX + 24)

/* Who we are.  Texts are borrowed. */
struct bh_instance_self {
    const char *life; /* BH_LIFE_LEN hex digits */
    const char *host;
    const char *boot;    /* the machine's boot id; empty: unknown */
    const char *network; /* the network namespace; empty: unknown */
    const char *lock;    /* digest of the local lock that is held; empty: none */
    int64_t pid;
};

enum bh_instance_operation { BH_INSTANCE_REGISTER, BH_INSTANCE_RENEW, BH_INSTANCE_RELEASE };

struct bh_instance_view {
    bool ours;
    /* Ours: an earlier run that is certainly over, or empty.  Another's: that one. */
    char life[BH_LIFE_LEN + 1];
    char host[BH_INSTANCE_HOST_MAX + 1];
    char pid[24];
    struct bh_wall server_now, since, until;
};

/* The key's name; BH_EINVAL when prefix or name (1 to 64 printable characters, no braces) is not valid. */
enum bh_status bh_instance_key(char key[BH_INSTANCE_KEY_MAX], const char *prefix,
                               const char *name) BH_MUST_CHECK;

/* Appends a whole call to an initialised `call` of script BH_SCRIPT_INSTANCE. */
void bh_encode_instance(struct bh_call *call, const char *key, enum bh_instance_operation operation,
                        const struct bh_instance_self *self, bh_ms ttl_ms);

/* BH_EPROTO for what no script of ours answers. */
enum bh_status bh_decode_instance(const struct redisReply *reply,
                                  struct bh_instance_view *ret_view) BH_MUST_CHECK;

#endif
