/*
 * scripts - the Lua scripts of src/redis/lua as they are compiled in.
 *
 * The build makes the bytes and the digests (scripts/cmake/EmbedLua.cmake).  What a script takes, returns
 * and changes stands at its head.
 */
#ifndef BH_REDIS_SCRIPTS_H
#define BH_REDIS_SCRIPTS_H

#include "core/str.h"

/* The names are those of the files. */
enum bh_script_id {
    BH_SCRIPT_CLAIM,
    BH_SCRIPT_ADMIT,
    BH_SCRIPT_FINISH,
    BH_SCRIPT_RENEW,
    BH_SCRIPT_ADOPT,
    BH_SCRIPT_CONTROL,
    BH_SCRIPT_INSPECT,
    BH_SCRIPT_ACCOUNT,
    BH_SCRIPT_RESOLVE,
    BH_SCRIPT_LIST,
    BH_SCRIPT_REPORT,
    BH_SCRIPT_INSTANCE,
    BH_SCRIPT_TWIN,
    BH_SCRIPT_MINUTE,
    BH_SCRIPT_PROCESS,
    BH_SCRIPT_PEEK,
    BH_SCRIPT_STEER,
    BH_SCRIPT_WAITING,
    BH_SCRIPT_INBOX,
    BH_SCRIPT_RESEND,
    BH_SCRIPT_RECALL,
    BH_SCRIPT_PULL,
    BH_SCRIPT_CALLBACK,
};

#define BH_SCRIPT_COUNT (BH_SCRIPT_CALLBACK + 1)

struct bh_script {
    const char *name;
    struct bh_str text;
    char digest[41]; /* SHA1 in hex, for EVALSHA */
};

extern const struct bh_script bh_scripts[BH_SCRIPT_COUNT];

#endif
