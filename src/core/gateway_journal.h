/*
 * gateway_journal - read the gateway's journal of what was sent: is an SMS of ours in it, and what became of messages?
 *
 * Pure.  The journal is what can tell about a request whose answer was lost.  The question is rendered by
 * bh_gateway_request_journal; an answer is a JSON array of entries, newest first, at most
 * BH_JOURNAL_PAGE of them.  Numbers come as strings or as numbers, absent values as null.
 *
 * A wrong ABSENT makes somebody get a message twice, a wrong FOUND makes him get none.  So an entry that
 * could be the wanted one but cannot be read well enough makes the whole page UNREADABLE and never ABSENT;
 * and FOUND needs every word that can be compared to agree.
 *
 * An entry proves that a request was taken.  No entry proves less: the journal may lag, or be switched off.
 *
 * The journal of calls has no foreign_id, so that it can only be asked what became of calls whose numbers are known.
 */
#ifndef BH_CORE_GATEWAY_JOURNAL_H
#define BH_CORE_GATEWAY_JOURNAL_H

#include "core/base.h"
#include "core/gateway_status.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "core/zone.h"

/* Entries of a page: the gateway gives no more at once. */
#define BH_JOURNAL_PAGE 100

/* Pages that can be asked for; what lies behind them is no look-up any more. */
#define BH_JOURNAL_PAGES_MAX 100

/* Our clock and the gateway's may differ by so much. */
#define BH_JOURNAL_SLACK_MS BH_MINUTE_MS

/* Which part of the journal to ask for.  Borrowed. */
struct bh_gateway_journal_query {
    bool calls;           /* the journal of calls, not that of sent SMS */
    const char *id;       /* of the one message to show, digits; NULL: all */
    const char *msisdn;   /* digits; NULL: all recipients */
    struct bh_wall from;  /* the day before this one is where the answer begins; 0: no bound */
    struct bh_wall until; /* and it ends with the day after this one; 0: no bound */
    const struct bh_zone *zone; /* the gateway's; NULL is UTC */
    unsigned page;              /* from 0, the newest; below BH_JOURNAL_PAGES_MAX */
    unsigned limit;             /* entries of a page; 0: BH_JOURNAL_PAGE */
};

/* What an entry has to agree with.  Borrowed. */
struct bh_journal_wanted {
    const char *foreign_id; /* as it was sent, not empty; compared byte by byte */
    const char *msisdn;     /* digits; NULL: any recipient (a contact, a group) */
    const char *text;       /* as it was sent; NULL: not compared, since the gateway rewrites it */
    struct bh_wall from, until; /* when the request may have arrived; the slack is added */
    bool
        skips_failed; /* what failed or was rejected is another's: a request of ours that was refused */
    const struct bh_zone *zone; /* the gateway's, in which the journal's times are; NULL is UTC */
};

enum bh_journal_finding {
    BH_JOURNAL_FOUND,
    BH_JOURNAL_ABSENT,     /* not in the journal, as far back as it was asked for */
    BH_JOURNAL_MORE,       /* not on this page, which is full: ask for the next */
    BH_JOURNAL_REFUSED,    /* the account may not read it, or its key is refused: `code` tells */
    BH_JOURNAL_UNREADABLE, /* nothing was learnt: no answer, or none that can be trusted */
};

struct bh_journal_entry {
    unsigned count;      /* how many agree; 0 unless FOUND.  2: sent twice */
    char id[24];         /* message id of the oldest that agrees, digits; empty: none */
    int64_t price_micro; /* likewise; -1 unknown */
    char delivery[16];   /* likewise; the gateway's word for what became of it; empty: none yet */
    struct bh_wall sent_at; /* likewise; 0 unless FOUND */
    unsigned entries;       /* on this page, of anybody */
    int code;               /* the gateway's code when there is one in place of entries; else 0 */
};

/*
 * Judge one page.  *ret_entry is always written.  The order of judging is that of gateway_answer:
 *
 * - No whole 2xx answer: UNREADABLE, but REFUSED for the statuses that mean a refused key (401, 403).
 * - A code in place of entries, in any of its forms (900, "900", an object's `success`): REFUSED when it is
 *   about key, signature, rights or address (900 to 903), else UNREADABLE.
 * - An entry matches when its foreign_id is the wanted one, and recipient, text and time do not
 *   contradict.  The time is local, without offset; in the hour that the clocks show twice either
 *   reading may fall into the window.  Line ends and blanks around the text do not matter, and a text that
 *   the journal does not show (null or empty) is not compared.
 * - An entry is doubtful when one of these cannot be read and all others agree.  Without a match it
 *   makes the page UNREADABLE.
 * - A full page without a match is MORE, unless its last entry is older than the window.
 *
 * Out of memory is UNREADABLE: then as ever nothing was learnt.
 */
enum bh_journal_finding bh_gateway_journal_read(const struct bh_exchange *exchange,
                                                const struct bh_journal_wanted *wanted,
                                                struct bh_journal_entry *ret_entry);

/*
 * Judge an answer to a question about nothing in particular: may we read the journal at all?  FOUND: yes, and
 * there is something in it (sent_at is the newest entry's time, 0 when it cannot be read); ABSENT: yes, but it is
 * empty.  Else as above.
 */
enum bh_journal_finding bh_gateway_journal_probe(const struct bh_exchange *exchange,
                                                 const struct bh_zone *zone,
                                                 struct bh_journal_entry *ret_entry);

/* What a page said of messages that are asked about. */
struct bh_journal_page {
    unsigned entries; /* of anybody */
    struct bh_wall
        last_at; /* of the last one, the later reading where there are two; 0: none, or it cannot be read */
    int code; /* the gateway's code when there is one in place of entries; else 0 */
};

/*
 * Read what became of messages from a page of the journal of SMS, or with `calls` of that of calls.  *ret_page is always
 * written.  An entry without a readable number, or with a word that is in no list, says nothing.  A call's time is that of
 * its end, as far as its duration is told.
 */
enum bh_pulled bh_gateway_journal_pull(const struct bh_exchange *exchange,
                                       const struct bh_zone *zone, bool calls,
                                       struct bh_pulled_message *messages, size_t count,
                                       struct bh_journal_page *ret_page);

/* "found", "absent", "more", "refused", "unreadable" */
const char *bh_journal_finding_name(enum bh_journal_finding finding);

#endif
