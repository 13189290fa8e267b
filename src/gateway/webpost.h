/*
 * webpost - JSON texts posted to addresses that are not the gateway, on a libuv loop.
 *
 * It goes through a transport of its own (transport.h), so it has that one's promises: not repeated behind our back, no
 * redirects, no proxies of the environment, certificates checked against the system's, a bounded answer, a time limit.
 * As many posts at a time as the caller wants.  Whether a failed one is tried again is his matter.
 */
#ifndef BH_GATEWAY_WEBPOST_H
#define BH_GATEWAY_WEBPOST_H

#include <uv.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

struct bh_webpost;

/* What became of a post. */
struct bh_webpost_result {
    bool taken; /* answered with 200 to 299 */
    bool
        may_again; /* not taken, and trying again may help: not reached, too slow, 408, 425, 429, 5xx */
    int http_status;      /* 0: none came */
    bh_ms retry_after_ms; /* what it asks for; -1: nothing */
    char text[200];       /* why it was not taken, for people; holds no address */
};

struct bh_webpost_options {
    bh_ms timeout_ms;       /* of one post, connecting included */
    const char *user_agent; /* copied */
    unsigned parallel;      /* posts under way at most, each with a connection; 0: one */
    size_t body_bytes_max;  /* 0: 64 KiB */
    /* May post again at once. */
    void (*on_done)(void *arg, void *tag, const struct bh_webpost_result *result);
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_webpost_new(uv_loop_t *loop, const struct bh_webpost_options *options,
                              struct bh_webpost **ret_post) BH_MUST_CHECK;

/* As many are under way as may be. */
bool bh_webpost_is_busy(const struct bh_webpost *post);

#define BH_WEBPOST_HEADERS_MAX 4

struct bh_webpost_letter {
    const char *url;
    struct bh_str json;
    const char *const *
        headers; /* "Name: value", ended by NULL; at most BH_WEBPOST_HEADERS_MAX; NULL: none of its own */
    void *tag; /* on_done's */
};

/*
 * All but the tag is copied; on_done follows once, never from within.  Not while busy or after stop.  BH_ENOMEM,
 * BH_ETOOBIG: nothing was begun.
 */
enum bh_status bh_webpost_send(struct bh_webpost *post,
                               const struct bh_webpost_letter *letter) BH_MUST_CHECK;

/* What is under way ends unheard; on_closed follows, then bh_webpost_free. */
void bh_webpost_stop(struct bh_webpost *post);
void bh_webpost_free(struct bh_webpost *post);

#endif
