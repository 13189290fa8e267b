#include <bellhop/state.h>
#include <criterion/criterion.h>
#include <string.h>

Test(state, names_every_state_and_finds_it_again)
{
    static const struct {
        enum bh_state state;
        const char *name;
        bool final;
    } rows[] = {
        {BH_STATE_SCHEDULED, "scheduled", false},
        {BH_STATE_SENDING,   "sending",   false},
        {BH_STATE_RETRYING,  "retrying",  false},
        {BH_STATE_HELD,      "held",      false},
        {BH_STATE_SENT,      "sent",      true },
        {BH_STATE_PARTIAL,   "partial",   true },
        {BH_STATE_FAILED,    "failed",    true },
        {BH_STATE_EXPIRED,   "expired",   true },
        {BH_STATE_CANCELLED, "cancelled", true },
        {BH_STATE_DUPLICATE, "duplicate", true },
        {BH_STATE_UNKNOWN,   "unknown",   true },
        {BH_STATE_INVALID,   "invalid",   true },
    };
    cr_assert_eq(sizeof(rows) / sizeof(rows[0]), BH_STATE_COUNT);
    for (size_t i = 0; i < BH_STATE_COUNT; i++) {
        enum bh_state found = rows[(i + 1) % BH_STATE_COUNT].state;
        cr_expect_str_eq(bh_state_name(rows[i].state), rows[i].name);
        cr_expect_eq(bh_state_is_final(rows[i].state), rows[i].final, "%s", rows[i].name);
        cr_expect(bh_state_from_name(rows[i].name, &found));
        cr_expect_eq(found, rows[i].state, "%s", rows[i].name);
    }
}

Test(state, names_every_reason_and_finds_it_again)
{
    static const char *const names[] = {"",       "reload_lock", "daily_limit",
                                        "credit", "auth",        "gateway_down",
                                        "paused", "operator",    "uncertain"};
    cr_assert_eq(sizeof(names) / sizeof(names[0]), BH_REASON_COUNT);
    for (size_t i = 0; i < BH_REASON_COUNT; i++) {
        enum bh_reason found = (enum bh_reason)((i + 1) % BH_REASON_COUNT);
        cr_expect_str_eq(bh_reason_name((enum bh_reason)i), names[i]);
        cr_expect(bh_reason_from_name(names[i], &found));
        cr_expect_eq(found, (enum bh_reason)i, "%s", names[i]);
    }
}

Test(state, knows_no_other_words)
{
    static const char *const words[] = {"Sent",  "sent ", " sent", "sen",
                                        "sentx", "SENT",  "done",  "reload_lock"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        enum bh_state state = BH_STATE_HELD;
        cr_expect_not(bh_state_from_name(words[i], &state), "%s", words[i]);
        cr_expect_eq(state, BH_STATE_HELD);
    }
    enum bh_state state = BH_STATE_HELD;
    enum bh_reason reason = BH_REASON_AUTH;
    cr_expect_not(bh_state_from_name("", &state));
    cr_expect_not(bh_reason_from_name("sent", &reason));
    cr_expect_not(bh_reason_from_name("Auth", &reason));
    cr_expect_eq(reason, BH_REASON_AUTH);
}
