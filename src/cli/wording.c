#include "cli/wording.h"

#include <bellhop/state.h>

/* What stands for a value that this version does not know. */
#define NO_STATE ((enum bh_state) - 1)

struct next_row {
    enum bh_state state;
    const char *sentence;
};

struct reason_row {
    enum bh_reason reason;
    const char *sentence;
};

static const struct next_row next_rows[] = {
    {BH_STATE_SCHEDULED, "It is sent when its delay is over"                                        },
    {BH_STATE_SENDING,
     "A worker has it in hand; if that worker dies, another one takes over when the "
     "lease ends."                                                                                  },
    {BH_STATE_RETRYING,  "It is tried again by itself"                                              },
    {BH_STATE_SENT,      "Nothing more: the gateway has accepted it."                               },
    {BH_STATE_PARTIAL,   "Nothing more by itself. Send a new job to those whom it did not reach."   },
    {BH_STATE_FAILED,    "Nothing more by itself. Correct the cause, and send it as a new job."     },
    {BH_STATE_EXPIRED,   "Nothing more: it came too late and was not sent."                         },
    {BH_STATE_CANCELLED, "Nothing more: an operator has cancelled it."                              },
    {BH_STATE_DUPLICATE, "Nothing more: the same message is being sent by another job."             },
    {BH_STATE_UNKNOWN,   "Nothing more by itself: it may have been sent, so a person has to decide."},
    {BH_STATE_INVALID,
     "Nothing more by itself. Correct whoever pushed it; the bytes are kept in the "
     "dead set."                                                                                    },
};

static const struct reason_row reason_rows[] = {
    {BH_REASON_RELOAD_LOCK,
     "The gateway, or a job before it, has just sent the same; it goes on when the "
     "lock is over"                                                                            },
    {BH_REASON_DAILY_LIMIT,
     "This recipient has had what the gateway allows for a day; it goes on after "
     "that"                                                                                    },
    {BH_REASON_CREDIT,
     "The account has too little credit; it goes on by itself when there is some"              },
    {BH_REASON_AUTH,         "The gateway refuses our key, signature or address; it goes on by itself when "
                     "that is put right"                                   },
    {BH_REASON_GATEWAY_DOWN,
     "The gateway cannot be reached or is failing; it goes on when that is over"               },
    {BH_REASON_PAUSED,       "Sending is paused; it goes on when somebody resumes it"          },
    {BH_REASON_OPERATOR,     "An operator holds it until it is released"                       },
    {BH_REASON_UNCERTAIN,    "An earlier request may have been accepted; it waits for evidence"},
};

static enum bh_state
state_of(const struct bh_record *record)
{
    struct bh_str word = bh_record_get(record, "state");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_str_equal_text(word, bh_state_name((enum bh_state)state)))
            return (enum bh_state)state;
    }
    return NO_STATE;
}

static const char *
next_sentence(const struct bh_record *record, enum bh_state state)
{
    if (state == BH_STATE_HELD || (state == BH_STATE_RETRYING && bh_record_is_uncertain(record))) {
        struct bh_str word = bh_record_get(record, "reason");
        for (size_t i = 0; i < BH_ARRAY_LEN(reason_rows); i++) {
            if (bh_str_equal_text(word, bh_reason_name(reason_rows[i].reason)))
                return reason_rows[i].sentence;
        }
        return "It is held, and goes on when the cause is gone";
    }
    if (state == BH_STATE_SENT && bh_record_get(record, "resent_as").len > 0)
        return "Nothing more here: another job was made to be sent in its place.";
    for (size_t i = 0; i < BH_ARRAY_LEN(next_rows); i++) {
        if (next_rows[i].state == state)
            return next_rows[i].sentence;
    }
    return "This version of bellhop does not know that state.";
}

/* "in 42 s" or, when it is due already, "now". */
static void
append_when(struct bh_buf *buf, int64_t at_ms, struct bh_wall now)
{
    if (at_ms <= now.ms)
        (void)bh_buf_append_text(buf, "now");
    else
        (void)bh_buf_printf(buf, "in %s", bh_display_span(at_ms - now.ms).text);
}

static bool
is_waiting(enum bh_state state)
{
    return state == BH_STATE_SCHEDULED || state == BH_STATE_RETRYING || state == BH_STATE_HELD;
}

void
bh_wording_append_state(const struct bh_record *record, struct bh_wall now, struct bh_buf *buf)
{
    struct bh_str reason = bh_record_get(record, "reason");
    struct bh_str error = bh_record_get(record, "error");
    int64_t next_at = bh_record_number(record, "next_at");
    enum bh_state state = state_of(record);

    (void)bh_display_append(buf, bh_record_get(record, "state"));
    if (reason.len > 0) {
        (void)bh_buf_append_text(buf, " (");
        (void)bh_display_append(buf, reason);
        (void)bh_buf_append_char(buf, ')');
    }
    if (next_at > 0 && is_waiting(state)) {
        (void)bh_buf_append_text(buf, state == BH_STATE_RETRYING ? ", next try " : ", goes on ");
        append_when(buf, next_at, now);
    }
    if (error.len > 0 && state != BH_STATE_SENT) {
        (void)bh_buf_append_text(buf, ": ");
        (void)bh_display_append(buf, error);
    }
}

enum bh_style
bh_wording_style(const struct bh_record *record)
{
    switch (state_of(record)) {
    case BH_STATE_SENT: return BH_STYLE_GOOD;
    case BH_STATE_PARTIAL:
    case BH_STATE_FAILED:
    case BH_STATE_EXPIRED:
    case BH_STATE_UNKNOWN:
    case BH_STATE_INVALID: return BH_STYLE_BAD;
    case BH_STATE_RETRYING:
    case BH_STATE_HELD: return BH_STYLE_WARN;
    case BH_STATE_SCHEDULED:
    case BH_STATE_SENDING:
    case BH_STATE_CANCELLED:
    case BH_STATE_DUPLICATE: return BH_STYLE_BOLD;
    }
    return BH_STYLE_PLAIN;
}

/* An operator's ways out, as the commands that take them. */
static const struct {
    const char *word;
    const char *when;
} ways[] = {
    {"sent",   "the gateway's records have it, or the recipient does"},
    {"failed", "it was not sent, and is no longer wanted"            },
    {"resend", "it has to arrive, even if that means twice"          },
};

void
bh_wording_append_ways(const struct bh_record *record, int indent, struct bh_buf *buf)
{
    if (!bh_record_is_uncertain(record))
        return;
    for (size_t i = 0; i < BH_ARRAY_LEN(ways); i++)
        (void)bh_buf_printf(buf, "%*sbellhop resolve %s %-6s   if %s\n", indent, "", record->id,
                            ways[i].word, ways[i].when);
}

void
bh_wording_append_next(const struct bh_record *record, struct bh_wall now, struct bh_buf *buf)
{
    enum bh_state state = state_of(record);
    (void)bh_buf_append_text(buf, next_sentence(record, state));
    if (!is_waiting(state))
        return;
    int64_t next_at = bh_record_number(record, "next_at");
    int64_t expires_at = bh_record_number(record, "expires_at");
    if (next_at > 0) {
        (void)bh_buf_append_text(buf, ", ");
        append_when(buf, next_at, now);
    }
    (void)bh_buf_append_char(buf, '.');
    if (expires_at > now.ms)
        (void)bh_buf_printf(buf, " After %s more it %s instead.",
                            bh_display_span(expires_at - now.ms).text,
                            bh_record_is_uncertain(record) ? "ends as unknown" : "expires");
}
