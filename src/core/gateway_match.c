#include <string.h>

#include "core/alloc.h"
#include "core/gateway_body.h"

#define NOBODY SIZE_MAX

struct match {
    const struct bh_gateway_body *body;
    const struct bh_gateway_asked *asked;
    struct bh_outcome *outcome;
    size_t *taker; /* per message: whose it is, or NOBODY */
    size_t *fed;   /* per recipient: how many messages it has */
    size_t left;   /* recipients that have none */
};

static bool
is_group(const struct match *match, size_t recipient)
{
    return match->asked->recipients[recipient]->msisdn == NULL;
}

static bool
is_named(const struct match *match, size_t message, size_t recipient)
{
    const char *msisdn = match->asked->recipients[recipient]->msisdn;
    return msisdn != NULL && strcmp(match->body->messages[message].msisdn, msisdn) == 0;
}

static void
give(struct match *match, size_t message, size_t recipient)
{
    match->taker[message] = recipient;
    if (match->fed[recipient]++ == 0)
        match->left--;
}

/* Messages come in the order of the request, so the same position is tried before all others. */
static size_t
find_by_number(const struct match *match, size_t message)
{
    size_t count = match->asked->recipients_count;
    if (match->body->messages[message].msisdn[0] == '\0')
        return NOBODY;
    for (size_t step = 0; step < count; step++) {
        size_t recipient = (message + step) % count;
        if (match->fed[recipient] == 0 && is_named(match, message, recipient))
            return recipient;
    }
    return NOBODY;
}

static size_t
find_group(const struct match *match, size_t after)
{
    size_t count = match->asked->recipients_count, before = NOBODY;
    for (size_t i = 0; i < count; i++) {
        if (!is_group(match, i))
            continue;
        if (after == NOBODY || i > after)
            return i;
        before = i;
    }
    return before;
}

static size_t
find_only_one_left(const struct match *match)
{
    if (match->left != 1)
        return NOBODY;
    size_t recipient = 0;
    while (match->fed[recipient] > 0)
        recipient++;
    return recipient;
}

/* For a message that names none of our recipients; `after` is the last recipient matched before it. */
static size_t
find_otherwise(const struct match *match, size_t message, size_t after)
{
    bool same_count = match->body->messages_count == match->asked->recipients_count;
    if (same_count && match->fed[message] == 0)
        return message;
    size_t recipient = find_group(match, after);
    return recipient != NOBODY ? recipient : find_only_one_left(match);
}

static void
assign(struct match *match)
{
    size_t count = match->body->messages_count, after = NOBODY;
    for (size_t i = 0; i < count; i++) {
        size_t recipient = find_by_number(match, i);
        match->taker[i] = NOBODY;
        if (recipient != NOBODY)
            give(match, i, recipient);
    }
    for (size_t i = 0; i < count; i++) {
        if (match->taker[i] != NOBODY) {
            after = match->taker[i];
            continue;
        }
        size_t recipient = find_otherwise(match, i, after);
        if (recipient != NOBODY)
            give(match, i, recipient);
    }
}

/* How well a message stands for its recipient: accepted before answered before silent. */
static int
rank(const struct bh_recipient_result *message)
{
    return message->accepted ? 2 : message->answered ? 1 : 0;
}

/* Per recipient the message that stands for it; reuses `fed`, which then holds 1 + its number, or 0. */
static void
elect(struct match *match)
{
    const struct bh_recipient_result *messages = match->body->messages;
    memset(match->fed, 0, match->asked->recipients_count * sizeof(*match->fed));
    for (size_t i = 0; i < match->body->messages_count; i++) {
        if (match->taker[i] == NOBODY)
            continue;
        size_t *elected = &match->fed[match->taker[i]];
        if (*elected == 0 || rank(&messages[i]) > rank(&messages[*elected - 1]))
            *elected = i + 1;
    }
}

static void
add_costs(struct bh_recipient_result *sum, const struct bh_recipient_result *message)
{
    sum->parts += message->parts;
    if (sum->price_micro < 0)
        sum->price_micro = message->price_micro;
    else if (message->price_micro > 0 && sum->price_micro <= INT64_MAX - message->price_micro)
        sum->price_micro += message->price_micro;
}

static enum bh_status
hand_out(struct match *match)
{
    const struct bh_recipient_result *messages = match->body->messages;
    struct bh_outcome *outcome = match->outcome;
    size_t further = 0;
    elect(match);
    for (size_t i = 0; i < match->asked->recipients_count; i++)
        if (match->fed[i] > 0)
            outcome->results[i] = messages[match->fed[i] - 1];
    for (size_t i = 0; i < match->body->messages_count; i++)
        if (match->taker[i] != NOBODY && match->fed[match->taker[i]] != i + 1)
            further++;
    if (further == 0)
        return BH_OK;

    outcome->extras = bh_alloc_array(further, sizeof(*outcome->extras));
    if (outcome->extras == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < match->body->messages_count; i++) {
        if (match->taker[i] == NOBODY || match->fed[match->taker[i]] == i + 1)
            continue;
        add_costs(&outcome->results[match->taker[i]], &messages[i]);
        outcome->extras[outcome->extras_count++] = messages[i];
    }
    return BH_OK;
}

enum bh_status
bh_gateway_match(const struct bh_gateway_body *body, const struct bh_gateway_asked *asked,
                 struct bh_outcome *outcome)
{
    struct match match = {
        .body = body,
        .asked = asked,
        .outcome = outcome,
        .taker = bh_alloc_array(body->messages_count, sizeof(*match.taker)),
        .fed = bh_alloc_array(asked->recipients_count, sizeof(*match.fed)),
        .left = asked->recipients_count,
    };
    enum bh_status status = BH_ENOMEM;
    if (match.taker != NULL && match.fed != NULL) {
        assign(&match);
        status = hand_out(&match);
    }
    bh_free(match.taker);
    bh_free(match.fed);
    return status;
}
