/*
 * gateway_journal - read the gateway's journal of sent messages: is this one in it?
 *
 * The journal is the gateway's own record of what it accepted (its journal page: `journal/outbound`), newest
 * first, at most BH_JOURNAL_PAGE entries per answer.  It is asked when the answer to a request was lost: an
 * entry with our foreign_id proves that the request was taken; no entry proves nothing for sure, since the
 * journal may lag or be switched off.
 *
 * Pure.  The request is rendered by bh_gateway_request_journal of core/gateway_request.h.
 */
#ifndef BH_CORE_GATEWAY_JOURNAL_H
#define BH_CORE_GATEWAY_JOURNAL_H

#include "core/instant.h"
#include "core/outcome.h"
#include "core/zone.h"

/* Entries asked for at once; the gateway's own maximum. */
#define BH_JOURNAL_PAGE 100

/* Our clock and the gateway's may differ by so much. */
#define BH_JOURNAL_SLACK_MS (60 * BH_SECOND_MS)

/* Which part of the journal to ask for.  Borrowed. */
struct bh_gateway_journal_query {
    const char *msisdn;         /* digits; NULL: all recipients */
    struct bh_wall from;        /* the day before this one is where the answer begins */
    struct bh_wall until;       /* and it ends with the day after this one */
    const struct bh_zone *zone; /* the gateway's */
    unsigned page;              /* from 0 */
};

/* What an entry has to agree with.  Borrowed. */
struct bh_journal_wanted {
    const char *foreign_id;     /* exactly */
    const char *msisdn;         /* digits; NULL: whoever */
    const char *text;           /* byte for byte; NULL: whatever, as the gateway may rewrite it */
    struct bh_wall from, until; /* when it was sent, give or take BH_JOURNAL_SLACK_MS */
    const struct bh_zone
        *zone; /* of the journal's times; an hour that comes twice fits in either */
};

enum bh_journal_finding {
    BH_JOURNAL_FOUND,
    BH_JOURNAL_ABSENT,
    BH_JOURNAL_MORE,       /* not on this page, and the page is full: ask for the next */
    BH_JOURNAL_REFUSED,    /* code 900 to 903, HTTP 401 or 403: `code` of the entry tells */
    BH_JOURNAL_UNREADABLE, /* no answer, or none that can be read */
};

struct bh_journal_entry {
    unsigned count;         /* how many agree; 2: sent twice */
    char id[24];            /* of the oldest that agrees, digits */
    int64_t price_micro;    /* likewise; -1 unknown */
    char delivery[16];      /* the gateway's word for what became of it; "" none yet */
    struct bh_wall sent_at; /* 0 unknown */
    unsigned entries;       /* on this page, of anybody */
    int code;               /* when refused; 0 none */
};

/* *ret_entry is always written: all zero where nothing is known. */
enum bh_journal_finding bh_gateway_journal_read(const struct bh_exchange *exchange,
                                                const struct bh_journal_wanted *wanted,
                                                struct bh_journal_entry *ret_entry);

#endif
