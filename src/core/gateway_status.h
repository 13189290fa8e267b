/*
 * gateway_status - what the gateway says, when it is asked, of messages that it has taken.
 *
 * Pure.  For where no webhook can reach us: the question is rendered by bh_gateway_request_status, and here its answer is
 * read.  Of what is known several forms were seen: an array of {id, status, status_time} when several messages or
 * JSON are asked for, two lines of text for one message, a bare code for one that is not known (600, and 901 in
 * the years before requests could be signed: the gateway's status page).  The endpoint is deprecated, so that a gateway without it, or one that
 * makes nothing of several numbers, is an answer too: then the journal can be asked (gateway_journal.h).
 *
 * Nothing here is guessed: a word that is in no list, or stands beside a number that was not asked for, says nothing.
 */
#ifndef BH_CORE_GATEWAY_STATUS_H
#define BH_CORE_GATEWAY_STATUS_H

#include "core/base.h"
#include "core/delivery_report.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "core/zone.h"

/* Messages in one question: as many as a page of the journal has. */
#define BH_PULL_MESSAGES_MAX 100

/* One message that is asked about.  The readers write what they learn and leave the rest as it is. */
struct bh_pulled_message {
    char id[24];               /* digits, not empty; the caller's */
    enum bh_delivery delivery; /* NONE: nothing was learnt yet */
    struct bh_wall at;         /* of the delivery; 0 not given */
    int64_t duration_s;        /* of a call; -1 not given */
};

enum bh_pulled {
    BH_PULLED_READ,    /* the messages tell, those that the gateway knows */
    BH_PULLED_REFUSED, /* key, signature, right or address: `code` tells, 0 when an HTTP status did */
    BH_PULLED_NOT_SO,  /* there is no such endpoint, or it makes nothing of the question */
    BH_PULLED_NOTHING, /* no answer, or none that is the gateway's: perhaps later */
};

#define BH_PULLED_COUNT (BH_PULLED_NOTHING + 1)

/* What was asked. */
struct bh_status_asked {
    struct bh_pulled_message *messages;
    size_t count;               /* 1 to BH_PULL_MESSAGES_MAX */
    bool is_signed;             /* 901 is about the signature then */
    const struct bh_zone *zone; /* the gateway's; NULL is UTC */
};

/*
 * Judge an answer.  *ret_code is always written: the gateway's code when there is one in place of an answer, else 0.
 *
 * - No whole 2xx answer, or an empty one: REFUSED for 401 and 403, NOT_SO for the statuses of an address that is none
 *   (404, 405, 410, 501), else NOTHING.
 * - A code: REFUSED when it is about who asks (900 to 903), READ with nothing learnt when it means that the one message is
 *   not known, else NOT_SO.
 * - A list: each object with the number of a message is read.  A list with objects of which none could be read is
 *   NOT_SO, since nothing would ever come of it.
 * - One message and two lines: its word and its time; a word alone will do.
 * - Anything else is NOT_SO.
 *
 * Out of memory is NOTHING.  A message that appears twice keeps what was read first.
 */
enum bh_pulled bh_gateway_status_read(const struct bh_exchange *exchange,
                                      const struct bh_status_asked *asked, int *ret_code);

/* "read", "refused", "not_so", "nothing" */
const char *bh_pulled_name(enum bh_pulled pulled);

/* The message of that number; NULL: none. */
struct bh_pulled_message *bh_pulled_find(struct bh_pulled_message *messages, size_t count,
                                         struct bh_str id);

#endif
