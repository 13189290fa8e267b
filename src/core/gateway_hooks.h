/*
 * gateway_hooks - who is subscribed to the gateway's webhooks: read its answers, and find ourselves in the list.
 *
 * Pure.  The questions are rendered by bh_gateway_request_hooks.  The list is an object with `hooks`, or an array alone;
 * ids are strings in it and a number in the answer to a subscription; members that an era does not have are
 * absent (the gateway's page on webhooks, and answers recorded by its client libraries).
 *
 * A wrong "we are not subscribed" makes a second subscription and every report come twice, so a list counts as read only
 * when all of it could be read: an entry without a URL makes it UNREADABLE.
 */
#ifndef BH_CORE_GATEWAY_HOOKS_H
#define BH_CORE_GATEWAY_HOOKS_H

#include "core/arena.h"
#include "core/base.h"
#include "core/outcome.h"

/* An account has a few; a list with more is not read. */
#define BH_HOOKS_MAX 1000

enum bh_hooks_action {
    BH_HOOKS_READ,
    BH_HOOKS_SUBSCRIBE,
    BH_HOOKS_UNSUBSCRIBE,
};

/* What is asked.  Borrowed; members that the action does not need are not looked at. */
struct bh_gateway_hooks_query {
    enum bh_hooks_action action;
    const char *url;    /* subscribe */
    const char *event;  /* subscribe: one of the gateway's words, see bh_hooks_event_is_known */
    const char *method; /* subscribe: "POST", "GET" or "JSON" */
    const char *filter; /* subscribe; NULL: none */
    const char *id;     /* unsubscribe: digits */
};

/* One subscription.  Texts belong to the answer. */
struct bh_gateway_hook {
    const char *id; /* digits; "": none that could be read */
    const char *url;
    const char *event;
    const char *method;  /* as the gateway prints it; "": not told, which is POST */
    const char *filter;  /* NULL: none */
    const char *created; /* local time as it is printed; "": not told */
    bool enabled;        /* true where an era does not tell */
};

enum bh_hooks_result {
    BH_HOOKS_DONE,       /* the list, or the change was made */
    BH_HOOKS_REFUSED,    /* by a code, an HTTP status, or the gateway's own words */
    BH_HOOKS_UNANSWERED, /* nothing was learnt: no answer, or none that could be read */
};

struct bh_hooks_answer {
    enum bh_hooks_result result;
    int code;        /* the gateway's; 0 none */
    int http_status; /* 0 none */
    enum bh_trouble trouble;
    char id[24];                   /* of a new subscription, digits; "": not told */
    struct bh_gateway_hook *hooks; /* in `arena` */
    size_t count;
    struct bh_arena arena; /* owned */
    char error[240];       /* a sentence for a person; "" when done */
};

/* Of BH_HOOKS_READ, and of the two changes.  BH_ENOMEM is all that can fail. */
enum bh_status bh_hooks_read_list(const struct bh_exchange *exchange,
                                  struct bh_hooks_answer *ret_answer) BH_MUST_CHECK;
enum bh_status bh_hooks_read_change(const struct bh_exchange *exchange,
                                    struct bh_hooks_answer *ret_answer) BH_MUST_CHECK;
void bh_hooks_answer_release(struct bh_hooks_answer *answer);

/* What to do about an answer that is not DONE: a sentence without a full stop; "" when there is nothing but trying again. */
const char *bh_hooks_advice(const struct bh_hooks_answer *answer);

/* "dlr", "voice_status", "sms_mo", "all", ...: words that a subscription may have. */
bool bh_hooks_event_is_known(const char *event);

/* The words, for help and completion; NULL at the end. */
extern const char *const bh_hooks_events[];

/* "POST", "GET", "JSON"; NULL at the end. */
extern const char *const bh_hooks_methods[];

/* How well a subscription serves an event at an address, the worse first. */
enum bh_hooks_fit {
    BH_HOOKS_FIT_NONE,
    BH_HOOKS_FIT_FORMER,   /* the same place under another token: it gets nothing but 404 */
    BH_HOOKS_FIT_DISABLED, /* the gateway, or a person, has switched it off */
    BH_HOOKS_FIT_FILTERED, /* only some reports come */
    BH_HOOKS_FIT_GOOD,
};

struct bh_hooks_found {
    enum bh_hooks_fit fit;              /* the best */
    const struct bh_gateway_hook *hook; /* the first of that fit; NULL when NONE */
    size_t good;                        /* how many are GOOD: each report comes so often */
};

struct bh_hooks_found bh_hooks_find(const struct bh_hooks_answer *list, const char *address,
                                    const char *event);

#endif
