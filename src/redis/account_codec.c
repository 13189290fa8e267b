#include "redis/account_codec.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/state.h>

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

static const char *const state_words[] = {
    [BH_ACCOUNT_OPEN] = "open",
    [BH_ACCOUNT_PAUSED] = "paused",
    [BH_ACCOUNT_TRIAL] = "trial",
};

/* What is not known has no word. */
static const char *const journal_words[] = {
    [BH_JOURNAL_UNKNOWN] = "",
    [BH_JOURNAL_READABLE] = "yes",
    [BH_JOURNAL_DENIED] = "no",
};

static const char *const lock_words[] = {
    [BH_LOCK_UNKNOWN] = "",
    [BH_LOCK_ON] = "on",
    [BH_LOCK_OFF] = "off",
};

static void
begin(struct bh_call *call, const struct bh_account_keys *keys, const char *operation)
{
    bh_call_key(call, bh_str_from(keys->control));
    bh_call_key(call, bh_str_from(keys->log));
    bh_call_key(call, bh_str_from(keys->audit));
    bh_call_text(call, operation);
}

/* Texts come from the gateway; what is stored is bounded. */
static void
add_text(struct bh_call *call, struct bh_str text)
{
    if (text.len > BH_ACCOUNT_TEXT_MAX)
        text.len = BH_ACCOUNT_TEXT_MAX;
    bh_call_str(call, text);
}

void
bh_encode_account_read(struct bh_call *call, const struct bh_account_keys *keys)
{
    begin(call, keys, "read");
}

void
bh_encode_account_pause(struct bh_call *call, const struct bh_account_keys *keys,
                        const char *reason, int code, struct bh_str text, bh_ms longest_ms)
{
    begin(call, keys, "pause");
    bh_call_text(call, reason);
    bh_call_int(call, code);
    add_text(call, text);
    bh_call_int(call, longest_ms);
}

void
bh_encode_account_resume(struct bh_call *call, const struct bh_account_keys *keys)
{
    begin(call, keys, "resume");
}

void
bh_encode_operator_pause(struct bh_call *call, const struct bh_account_keys *keys,
                         struct bh_str who, struct bh_str reason)
{
    char text[BH_ACCOUNT_TEXT_MAX + 1];
    (void)snprintf(text, sizeof(text), "%.*s%sby %.*s", BH_STR_ARGS(reason),
                   reason.len > 0 ? ", " : "", BH_STR_ARGS(who));
    bh_encode_account_pause(call, keys, bh_reason_name(BH_REASON_PAUSED), 0, bh_str_from(text),
                            BH_HOUR_MS);
    bh_call_str(call, who);
    bh_call_str(call, reason);
}

void
bh_encode_operator_resume(struct bh_call *call, const struct bh_account_keys *keys,
                          struct bh_str who, struct bh_str reason)
{
    bh_encode_account_resume(call, keys);
    bh_call_str(call, who);
    bh_call_str(call, reason);
}

void
bh_encode_account_probe(struct bh_call *call, const struct bh_account_keys *keys, const char *who,
                        bh_ms lease_ms)
{
    begin(call, keys, "probe");
    bh_call_text(call, who);
    bh_call_int(call, lease_ms);
}

void
bh_encode_account_turn(struct bh_call *call, const struct bh_account_keys *keys, const char *what,
                       const char *who, bh_ms lease_ms)
{
    begin(call, keys, "turn");
    bh_call_text(call, what);
    bh_call_text(call, who);
    bh_call_int(call, lease_ms);
}

void
bh_encode_account_probed(struct bh_call *call, const struct bh_account_keys *keys, bool usable,
                         bh_ms longest_ms)
{
    begin(call, keys, "probed");
    bh_call_int(call, usable);
    bh_call_int(call, longest_ms);
}

void
bh_encode_account_trial_take(struct bh_call *call, const struct bh_account_keys *keys,
                             const char *who, bh_ms lease_ms)
{
    begin(call, keys, "trial-take");
    bh_call_text(call, who);
    bh_call_int(call, lease_ms);
}

void
bh_encode_account_trial_done(struct bh_call *call, const struct bh_account_keys *keys,
                             const char *who, enum bh_account_trial trial, const char *reason,
                             int code, struct bh_str text, bh_ms longest_ms)
{
    static const char *const words[] = {
        [BH_ACCOUNT_TRIAL_GOOD] = "good",
        [BH_ACCOUNT_TRIAL_BAD] = "bad",
        [BH_ACCOUNT_TRIAL_NONE] = "none",
    };
    begin(call, keys, "trial-done");
    bh_call_text(call, who);
    bh_call_text(call, words[trial]);
    bh_call_text(call, reason);
    bh_call_int(call, code);
    add_text(call, text);
    bh_call_int(call, longest_ms);
}

void
bh_encode_account_balance(struct bh_call *call, const struct bh_account_keys *keys,
                          int64_t balance_micro)
{
    begin(call, keys, "balance");
    bh_call_int(call, balance_micro);
}

void
bh_encode_account_journal(struct bh_call *call, const struct bh_account_keys *keys,
                          enum bh_journal_access journal)
{
    BH_ASSERT(journal != BH_JOURNAL_UNKNOWN);
    begin(call, keys, "journal");
    bh_call_text(call, journal_words[journal]);
}

void
bh_encode_account_lock(struct bh_call *call, const struct bh_account_keys *keys,
                       enum bh_lock_knowledge lock, struct bh_str why)
{
    begin(call, keys, "lock");
    bh_call_text(call, lock_words[lock]);
    add_text(call, why);
}

void
bh_encode_grant(struct bh_call *call, const struct bh_account_keys *keys,
                const struct bh_grant_command *grant, uint32_t rate)
{
    static const char *const names[BH_LIMIT_COUNT] = {
        [BH_LIMIT_REQUESTS] = "requests",
        [BH_LIMIT_CONNECTIONS] = "connections",
    };
    begin(call, keys, "grant");
    bh_call_text(call, names[grant->limit]);
    bh_call_int(call, rate);
    bh_call_int(call, rate);
    bh_call_int(call, grant->count);
}

/* ---- replies ------------------------------------------------------------------------------------- */

static bool
copy_text(const struct redisReply *reply, size_t at, char *ret_text, size_t size)
{
    struct bh_str text;
    if (!bh_reply_str(reply, at, &text))
        return false;
    if (text.len >= size)
        text.len = size - 1;
    if (text.len > 0)
        memcpy(ret_text, text.ptr, text.len);
    ret_text[text.len] = '\0';
    return true;
}

/* The place of a word in `words`. */
static bool
read_word(const struct redisReply *reply, size_t at, const char *const *words, size_t count,
          size_t *ret_place)
{
    struct bh_str word;
    if (!bh_reply_str(reply, at, &word))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (bh_str_equal_text(word, words[i])) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

/* A number as text; `otherwise` for an empty one. */
static bool
read_number(const struct redisReply *reply, size_t at, int64_t otherwise, int64_t *ret_value)
{
    struct bh_str text;
    if (!bh_reply_str(reply, at, &text))
        return false;
    if (text.len == 0) {
        *ret_value = otherwise;
        return true;
    }
    return bh_str_to_int64(text, ret_value);
}

enum bh_status
bh_decode_account_read(const struct redisReply *reply, struct bh_account_view *ret_view)
{
    struct bh_account_view view = {0};
    int64_t done, code;
    size_t state, journal, lock;
    if (bh_reply_count(reply) != 17 || !bh_reply_int(reply, 0, 0, 0, &done) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &view.server_now.ms) ||
        !read_word(reply, 2, state_words, BH_ARRAY_LEN(state_words), &state) ||
        !copy_text(reply, 3, view.reason, sizeof(view.reason)) ||
        !read_number(reply, 4, 0, &code) || code < INT32_MIN || code > INT32_MAX ||
        !copy_text(reply, 5, view.text, sizeof(view.text)) ||
        !bh_reply_int(reply, 6, 0, EXACT_MAX, &view.since.ms) ||
        !read_number(reply, 7, INT64_MIN, &view.balance_micro) ||
        !bh_reply_int(reply, 8, 0, EXACT_MAX, &view.balance_at.ms) ||
        !bh_reply_int(reply, 9, -1, EXACT_MAX, &view.probe_wait_ms) ||
        !bh_reply_int(reply, 10, -1, EXACT_MAX, &view.trial_wait_ms) ||
        !copy_text(reply, 11, view.newest, sizeof(view.newest)) || view.newest[0] == '\0' ||
        !read_word(reply, 12, journal_words, BH_ARRAY_LEN(journal_words), &journal) ||
        !bh_reply_int(reply, 13, 0, EXACT_MAX, &view.journal_at.ms) ||
        !read_word(reply, 14, lock_words, BH_ARRAY_LEN(lock_words), &lock) ||
        !bh_reply_int(reply, 15, 0, EXACT_MAX, &view.lock_at.ms) ||
        !copy_text(reply, 16, view.lock_why, sizeof(view.lock_why)))
        return BH_EPROTO;
    view.state = (enum bh_account_state)state;
    view.code = (int)code;
    view.journal = (enum bh_journal_access)journal;
    view.lock = (enum bh_lock_knowledge)lock;
    *ret_view = view;
    return BH_OK;
}

enum bh_status
bh_decode_account_done(const struct redisReply *reply, bool *ret_done, bh_ms *ret_wait_ms)
{
    int64_t code, now, wait;
    if (bh_reply_count(reply) != 3 || !bh_reply_int(reply, 0, 0, 1, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now) ||
        !bh_reply_int(reply, 2, -1, EXACT_MAX, &wait))
        return BH_EPROTO;
    *ret_done = code == 0;
    *ret_wait_ms = wait;
    return BH_OK;
}

enum bh_status
bh_decode_grant(const struct redisReply *reply, unsigned wanted, unsigned *ret_count,
                bh_ms *ret_wait_ms)
{
    int64_t code, now, given, wait;
    if (bh_reply_count(reply) != 4 || !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now) || !bh_reply_int(reply, 2, 0, wanted, &given) ||
        !bh_reply_int(reply, 3, -1, EXACT_MAX, &wait) || (wait < 0) != (given == wanted))
        return BH_EPROTO;
    *ret_count = (unsigned)given;
    *ret_wait_ms = bh_ms_max(wait, 0);
    return BH_OK;
}
