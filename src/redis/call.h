/*
 * call - the arguments of one script call, gathered and then handed over as EVALSHA.
 *
 * Keys come first, then arguments; all are copied.  After a failed append later ones do nothing, and
 * bh_call_argv tells.
 */
#ifndef BH_REDIS_CALL_H
#define BH_REDIS_CALL_H

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/scripts.h"

/* Redis' own bound for one bulk is far above; this is ours for a whole call. */
#define BH_CALL_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct bh_call {
    enum bh_script_id script;
    struct bh_buf bytes;
    size_t *ends; /* owned; where each argument ends in `bytes` */
    size_t count;
    size_t capacity;
    size_t keys_count;
    struct bh_str *argv; /* owned; made by bh_call_argv */
    char keys_text[24];
    enum bh_status failed;
};

/* Allocates nothing. */
void bh_call_init(struct bh_call *call, enum bh_script_id script);
void bh_call_release(struct bh_call *call);

/* Only before the first argument. */
void bh_call_key(struct bh_call *call, struct bh_str key);

/* The buffer to write the next key into, ended by bh_call_end_key. */
struct bh_buf *bh_call_buf(struct bh_call *call);
void bh_call_end_key(struct bh_call *call);

void bh_call_str(struct bh_call *call, struct bh_str argument);
void bh_call_text(struct bh_call *call, const char *argument);
void bh_call_int(struct bh_call *call, int64_t argument);
void bh_call_char(struct bh_call *call, char argument);

/*
 * The whole command: EVALSHA, digest, number of keys, keys, arguments.  Borrowed until the next change or
 * release.  BH_ENOMEM or BH_ETOOBIG: something did not fit.
 */
enum bh_status bh_call_argv(struct bh_call *call, const struct bh_str **ret_argv,
                            size_t *ret_argc) BH_MUST_CHECK;

/* The same with the script's text instead of its digest: for rare calls, which Redis may have forgotten the script of. */
enum bh_status bh_call_eval_argv(struct bh_call *call, const struct bh_str **ret_argv,
                                 size_t *ret_argc) BH_MUST_CHECK;

#endif
