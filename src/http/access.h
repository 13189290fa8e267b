/*
 * access - who asks: a stranger, or somebody who knows the token of the administrator.
 *
 * The token comes in a header (RFC 6750: "Authorization: Bearer TOKEN"), never in an address or a cookie, so that no
 * log shows it and no foreign page can make a browser send it.  On top of that a change is refused when the browser says that
 * another site asks for it (Origin, Sec-Fetch-Site), and unless its body is called JSON, which a form cannot do.
 *
 * A stranger may look, not change, and only from this machine: what a queue holds, what an account owns and the ids of jobs
 * are nobody's business beyond it.
 *
 * Wrong tokens are bounded per address: BH_ACCESS_TRIES at once, then one each BH_ACCESS_TRY_MS; until then the address is
 * refused whatever it says, so that guessing tells nothing.  Addresses that have failed are remembered in a table of
 * fixed size; when it is full, those who are not in it share one row.
 *
 * Pure: the time is an argument.
 */
#ifndef BH_HTTP_ACCESS_H
#define BH_HTTP_ACCESS_H

#include "core/instant.h"
#include "http/server.h"

#define BH_ACCESS_TRIES     10
#define BH_ACCESS_TRY_MS    (6 * BH_SECOND_MS)
#define BH_ACCESS_ADDRESSES 64

enum bh_access {
    BH_ACCESS_STRANGER, /* no token was shown */
    BH_ACCESS_ADMIN,
    BH_ACCESS_WRONG,    /* 401: the token is wrong, or none is configured */
    BH_ACCESS_SLOWED,   /* 429: too many wrong ones from there */
    BH_ACCESS_FOREIGN,  /* 403: a page of another site asks for a change */
    BH_ACCESS_AFAR,     /* 401: a stranger on another machine */
    BH_ACCESS_MISNAMED, /* 403: a stranger by a name of the host that may be another's */
};

/* All zero is the beginning. */
struct bh_access_guard {
    struct bh_access_row {
        char address[BH_HTTP_ADDRESS_MAX]; /* "": free */
        struct bh_mono clean_at;           /* from when on nothing is held against it */
    } rows[BH_ACCESS_ADDRESSES + 1];       /* the last one: everybody else */
};

/* `token` empty: there is no administrator. */
enum bh_access bh_access_judge(struct bh_access_guard *guard, const struct bh_http_request *request,
                               struct bh_str token, struct bh_mono now);

/*
 * The same for what may be looked at without the token: STRANGER only from this machine, and by a Host that
 * bh_api_is_own_host knows, or none as only programs have.
 */
enum bh_access bh_access_judge_look(struct bh_access_guard *guard,
                                    const struct bh_http_request *request, struct bh_str token,
                                    struct bh_str listen_host, struct bh_mono now);

/* How long an address that is slowed has to wait; 0 when it has not. */
bh_ms bh_access_wait(const struct bh_access_guard *guard, struct bh_str address,
                     struct bh_mono now);

#endif
