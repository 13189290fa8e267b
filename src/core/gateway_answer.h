/*
 * gateway_answer - read what came back from the gateway: exchange in, outcome out.
 *
 * Pure.  The gateway puts errors into the bodies of HTTP 200 answers, and those bodies have many shapes
 * (JSON object, bare code, quoted code, lines of text), whatever was asked for.  All are read here.
 *
 * Order of judging; the first rule that applies wins:
 *
 *   1. A final HTTP status other than 2xx: the table of gateway_code.h, whatever the body says.
 *   2. A 2xx with complete headers and body that can be read: the body, recipient by recipient.
 *   3. Any other 2xx (empty, cut, garbage, JSON without `success`): UNCERTAIN, for the gateway did process
 *      something.
 *   4. No status, and no whole request handed over: UNSENT.
 *   5. Everything else: UNCERTAIN.
 *
 * Never in an error sentence: numbers, names or texts of the job, nor words of the answer.  The gateway's
 * own words are kept apart in bh_recipient_result.error.
 */
#ifndef BH_CORE_GATEWAY_ANSWER_H
#define BH_CORE_GATEWAY_ANSWER_H

#include <bellhop/job.h>

#include "core/base.h"
#include "core/outcome.h"

/* What the request was about, needed to map the answer back. */
struct bh_gateway_asked {
    enum bh_job_type type;
    bool debug; /* nothing is sent or charged: ids in text answers are placeholders and not kept */
    const struct bh_recipient *const *recipients; /* as in the request, same order */
    size_t recipients_count;
};

/* Most messages of contacts and groups, beyond the one of each that stands for it, whose results are kept. */
#define BH_GATEWAY_EXTRAS_MAX 1024

/*
 * Judge an exchange that carried a message.  BH_OK, or BH_ENOMEM: then the caller knows nothing more than
 * exchange->handed_over says and has to take the request for uncertain if anything was handed over.
 *
 * On BH_OK *ret_outcome belongs to the caller (bh_outcome_release), with results_count equal to
 * recipients_count for every kind of outcome:
 *
 * - A message of the answer belongs to the recipient whose normalised number it names; among equal
 *   recipients to the one in its own position, else to the next that has none.  What names no recipient of ours goes by position when
 *   answer and request have equally many entries, else to a contact or group (the first behind the last
 *   recipient that was matched), else to the only recipient that is left, else to nobody.
 * - A contact or group may fan out into many messages.  Its result is the first of them that was
 *   accepted (else the first that was answered), with the parts and prices of all.  The other messages, at
 *   most BH_GATEWAY_EXTRAS_MAX, are in outcome->extras.
 * - A code for the whole request without words about single recipients is the result of all of them.
 * - `code` is 100 when all were accepted and 101 when only some were.  When nobody was, it is the code that all
 *   recipients share (so a single recipient's code is the outcome's), else the whole answer's own, else 101.
 * - Without a readable body (UNSENT, most of UNCERTAIN, refusals by HTTP status) no result is `answered`.
 * - In debug mode (asked for, or reported by the answer) no ids are kept: they are placeholders.
 * - When nobody was accepted but the answer leaves out a recipient, the kind is UNCERTAIN; results of
 *   the others are filled in all the same.
 */
enum bh_status bh_gateway_answer_read(const struct bh_exchange *exchange,
                                      const struct bh_gateway_asked *asked,
                                      struct bh_outcome *ret_outcome) BH_MUST_CHECK;

/*
 * Judge an exchange that asked for the balance.  ACCEPTED: balance_micro is known.  REFUSED: code or
 * http_status tell why.  UNSENT and UNCERTAIN: nothing was learnt (asking again never harms).  No results.
 *
 * A whole number without decimals is ambiguous, since balances are printed like codes.  It counts as a code
 * only if it is one that this endpoint can answer: 300, 500, 600, 700, 900 to 903.
 */
enum bh_status bh_gateway_answer_read_balance(const struct bh_exchange *exchange,
                                              struct bh_outcome *ret_outcome) BH_MUST_CHECK;

#endif
