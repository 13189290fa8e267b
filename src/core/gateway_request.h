/*
 * gateway_request - render what is to be asked of the gateway: URL, headers, body.
 *
 * Pure: same input, same bytes.  Nonce and timestamp of a signed request are arguments.  The rendered
 * request is a POST when it has a body and a GET when it has none.  Messages always ask for the JSON
 * answer, twice (`json=1` and an Accept header), since eras of the gateway differ in which they obey.
 * Never sent: `delay` (delays are held on our side) and the key inside the URL (URLs end up in logs).
 */
#ifndef BH_CORE_GATEWAY_REQUEST_H
#define BH_CORE_GATEWAY_REQUEST_H

#include <bellhop/error.h>
#include <bellhop/job.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/gateway_hooks.h"
#include "core/gateway_journal.h"
#include "core/str.h"

enum bh_gateway_auth {
    BH_AUTH_BASIC,     /* Authorization: basic KEY; the key as it is, without base64 */
    BH_AUTH_HEADER,    /* X-Api-Key: KEY */
    BH_AUTH_PARAMETER, /* p=KEY in the form; requests without a form are made POSTs with one */
};

/* Who we are towards the gateway.  Borrowed by every function here. */
struct bh_gateway_profile {
    const char
        *url; /* base, e.g. "https://gateway.sms77.io/api"; a final slash makes no difference */
    const char *api_key;
    enum bh_gateway_auth auth;
    const char *signing_key; /* NULL or "": requests are not signed */
    const char *sent_with;   /* e.g. "Bellhop/1.0.0"; the gateway's journal shows it */
};

/* What makes one signed request unlike every other; unused when the profile does not sign. */
struct bh_gateway_stamp {
    const char *nonce;   /* 32 characters of A-Z a-z 0-9, never used before */
    int64_t timestamp_s; /* unix seconds; the gateway refuses one older than 30 s */
};

/* What the engine decided about this attempt. */
struct bh_gateway_message {
    const struct bh_job
        *job; /* of a bundle: any of its jobs, they agree in all but the recipients */
    const struct bh_recipient *const *recipients; /* whom this attempt goes to, >= 1 */
    size_t recipients_count;
    int64_t ttl_minutes;    /* what is left; 0: the parameter is left out.  Voice has none */
    const char *foreign_id; /* NULL: the job's foreign_id, else its id.  Voice has none */
};

#define BH_GATEWAY_HEADERS_MAX 10

/* The longest form of a job with files: each byte of 8 MiB as %XX, and room for the rest. */
#define BH_GATEWAY_BODY_MAX (3 * BH_JOB_BYTES_MAX_WITH_FILES + (size_t)64 * 1024)

/* A rendered request.  Owns its bytes; may be rendered into again and again. */
struct bh_gateway_request {
    const char *method; /* "POST" or "GET" */
    struct bh_buf url;
    struct bh_buf body;
    struct bh_buf header_bytes;
    const char *headers[BH_GATEWAY_HEADERS_MAX + 1]; /* "Name: value", NULL-terminated; "Expect:"
                                                        stands for "do not send this header" */
};

/* `body_bytes_max` 0: BH_GATEWAY_BODY_MAX.  Allocates nothing. */
void bh_gateway_request_init(struct bh_gateway_request *request, size_t body_bytes_max);
void bh_gateway_request_release(struct bh_gateway_request *request);

/*
 * Render the sending of a message.  BH_EINVAL when profile, stamp or message cannot be put into a request
 * (a key with a line feed, no recipient): the error says what.  BH_ETOOBIG, BH_ENOMEM.  After a failure the
 * request is empty: no URL, no headers, no body.  `ret_error` may be NULL.
 */
enum bh_status bh_gateway_request_message(struct bh_gateway_request *request,
                                          const struct bh_gateway_profile *profile,
                                          const struct bh_gateway_stamp *stamp,
                                          const struct bh_gateway_message *message,
                                          struct bh_error *ret_error) BH_MUST_CHECK;

/* Render the question for the account's balance.  Failures as above. */
enum bh_status bh_gateway_request_balance(struct bh_gateway_request *request,
                                          const struct bh_gateway_profile *profile,
                                          const struct bh_gateway_stamp *stamp,
                                          struct bh_error *ret_error) BH_MUST_CHECK;

/* Render the question for the price list of SMS, as JSON, of all countries.  Failures as above. */
enum bh_status bh_gateway_request_pricing(struct bh_gateway_request *request,
                                          const struct bh_gateway_profile *profile,
                                          const struct bh_gateway_stamp *stamp,
                                          struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Render the question for a page of the journal, newest entries first.  It names whole days, and a day
 * more on either side of what is wanted, so that neither the time of day, the clocks nor a change of the offset can hide
 * an entry: the reader of the answer (gateway_journal.h) compares exactly.  BH_EINVAL also when a number has
 * other characters than digits, a time is outside the calendar, or page or limit are too large.
 */
enum bh_status bh_gateway_request_journal(struct bh_gateway_request *request,
                                          const struct bh_gateway_profile *profile,
                                          const struct bh_gateway_stamp *stamp,
                                          const struct bh_gateway_journal_query *query,
                                          struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Render a question about webhooks: the list, a subscription, or its end.  Changes are POSTs in every era, for a URL in a query
 * would end up in logs with its token.  BH_EINVAL also for what cannot be subscribed: a URL that breaks http_url.h's rules, an
 * unknown event or method, a filter of other than printable ASCII, an id of other than digits.
 */
enum bh_status bh_gateway_request_hooks(struct bh_gateway_request *request,
                                        const struct bh_gateway_profile *profile,
                                        const struct bh_gateway_stamp *stamp,
                                        const struct bh_gateway_hooks_query *query,
                                        struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Render the question for the delivery status of messages.  `message_ids` is digits, several ids
 * separated by commas; anything else is BH_EINVAL.  Failures as above.
 */
enum bh_status bh_gateway_request_status(struct bh_gateway_request *request,
                                         const struct bh_gateway_profile *profile,
                                         const struct bh_gateway_stamp *stamp,
                                         struct bh_str message_ids,
                                         struct bh_error *ret_error) BH_MUST_CHECK;

#endif
