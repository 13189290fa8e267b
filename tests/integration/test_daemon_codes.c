/*
 * Every word that the gateway may answer with, through the whole: return codes, HTTP statuses, shapes of answers.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_rows.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct answer_row {
    const char *name;
    const char *fault; /* members of the fault's JSON object */
    const char *state;
    const char *status[ROW_LIST_MAX];
    int accepted; /* by the gateway, in truth, when the state is reached */
};

static void
run_answer(struct bh_rig *rig, const char *queue, const char *to, const struct answer_row *row,
           size_t index)
{
    const char *id = bh_rig_text(rig, "%s-%zu", queue, index);
    const char *text = bh_rig_text(rig, "%s %zu.", queue, index);
    bh_rig_tell(rig, "fault",
                bh_rig_text(rig, "{%s,\"match\":{\"text\":\"%s\"}}", row->fault, text));
    bh_rig_push(rig, queue,
                bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"%s\",\"text\":\"%s\"}", id, to, text));
    bh_rig_begin_waiting(rig, BH_RIG_WAIT_MS);
    while (!bh_rig_is(rig, queue, id, "state", row->state) && bh_rig_may_wait(rig))
        continue;
    cr_expect(bh_rig_is(rig, queue, id, "state", row->state),
              "%s: the state is \"%s\" (%s), wanted %s", row->name,
              bh_rig_field(rig, queue, id, "state"), bh_rig_field(rig, queue, id, "error"),
              row->state);
    for (size_t i = 0; i < ROW_LIST_MAX && row->status[i] != NULL; i++)
        daemon_check_status(rig, queue, id, row->name, row->status[i]);
    const char *messages = bh_rig_ask(rig, bh_rig_text(rig, "messages?kind=%s", queue));
    int accepted = 0;
    for (const char *at = messages;
         (at = strstr(at, bh_rig_text(rig, "\"text\":\"%s\"", text))) != NULL; at++)
        accepted++;
    cr_expect_eq(accepted, row->accepted, "%s: accepted %d times", row->name, accepted);
}

/* A job that goes through, so that what the row before did to the breaker is forgotten. */
static void
run_good_job(struct bh_rig *rig, const char *queue, size_t index)
{
    const char *id = bh_rig_text(rig, "good-%zu", index);
    bh_rig_push(rig, queue,
                bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990000\",\"text\":\"good %zu.\"}",
                            id, index));
    bh_rig_wait_state(rig, queue, id, "sent");
}

static void
run_answers(struct bh_rig *rig, const char *queue, const char *to, const struct answer_row *rows,
            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run_answer(rig, queue, to, &rows[i], i);
        run_good_job(rig, queue, i);
    }
}

/* ---- return codes ---------------------------------------------------------------------------------- */

/* clang-format off */

static const struct answer_row codes[] = {
    {"201", "\"kind\":\"code\",\"code\":201", "failed", {"code=201", "attempts=1", "error~sender", "!reason", "!next_at", "!message_id"}, 0},
    {"202", "\"kind\":\"code\",\"code\":202", "failed", {"code=202", "attempts=1", "error~number"}, 0},
    {"301", "\"kind\":\"code\",\"code\":301", "failed", {"code=301", "attempts=1", "error~recipient"}, 0},
    {"305", "\"kind\":\"code\",\"code\":305", "failed", {"code=305", "attempts=1", "error~text"}, 0},
    {"401", "\"kind\":\"code\",\"code\":401", "failed", {"code=401", "attempts=1", "error~too long"}, 0},
    {"802", "\"kind\":\"code\",\"code\":802", "failed", {"code=802", "attempts=1", "error~label"}, 0},
    {"300", "\"kind\":\"code\",\"code\":300", "failed", {"code=300", "attempts=1"}, 0},
    {"308", "\"kind\":\"code\",\"code\":308", "failed", {"code=308", "attempts=1"}, 0},
    {"400", "\"kind\":\"code\",\"code\":400", "failed", {"code=400", "attempts=1"}, 0},
    {"999, which nobody knows", "\"kind\":\"code\",\"code\":999", "failed", {"code=999", "attempts=1"}, 0},
    {"101 and no word about whom", "\"kind\":\"code\",\"code\":101", "failed", {"code=101", "attempts=1"}, 0},
    {"402 from elsewhere", "\"kind\":\"code\",\"code\":402", "held", {"code=402", "reason=reload_lock", "attempts=0", "next_at~1", "error~lock"}, 0},
    {"403", "\"kind\":\"code\",\"code\":403", "held", {"code=403", "reason=daily_limit", "attempts=0", "next_at~1"}, 0},
    {"600", "\"kind\":\"code\",\"code\":600", "retrying", {"code=600", "attempts=1", "!reason", "next_at~1", "error~carrier"}, 0},
    {"11", "\"kind\":\"code\",\"code\":11", "retrying", {"code=11", "attempts=1", "!reason", "next_at~1"}, 0},
    {"700", "\"kind\":\"code\",\"code\":700", "retrying", {"code=700", "attempts=1", "reason=uncertain", "next_at~1"}, 0},
    {"801", "\"kind\":\"code\",\"code\":801", "retrying", {"code=801", "attempts=1", "reason=uncertain"}, 0},
    {"100, bare", "\"kind\":\"bare_code\"", "sent", {"code=100", "attempts=1", "!error", "confirmed_by=response"}, 1},
};

/* clang-format on */

Test(daemon_codes, makes_of_each_code_what_it_means)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    run_answers(&rig, "sms", "491719990101", codes, COUNT(codes));
    bh_rig_stop(&rig);
}

/* ---- HTTP statuses and lost answers ---------------------------------------------------------------- */

/* clang-format off */

static const struct answer_row statuses[] = {
    {"429", "\"kind\":\"429\",\"retry_after\":1", "held", {"reason=gateway_down", "attempts=0", "http_status=429", "next_at~1"}, 0},
    {"503 with Retry-After", "\"kind\":\"503\",\"retry_after\":1", "held", {"reason=gateway_down", "attempts=0", "http_status=503"}, 0},
    {"503", "\"kind\":\"503\"", "retrying", {"reason=uncertain", "attempts=1", "http_status=503"}, 0},
    {"500", "\"kind\":\"status\",\"status\":500", "retrying", {"reason=uncertain", "attempts=1", "http_status=500"}, 0},
    {"502", "\"kind\":\"status\",\"status\":502", "retrying", {"reason=uncertain", "attempts=1"}, 0},
    {"504 and accepted", "\"kind\":\"status\",\"status\":504,\"at\":\"after\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"408", "\"kind\":\"status\",\"status\":408", "retrying", {"reason=uncertain", "attempts=1"}, 0},
    {"404", "\"kind\":\"status\",\"status\":404", "retrying", {"attempts=1", "http_status=404", "error~address"}, 0},
    {"a redirect", "\"kind\":\"redirect\"", "retrying", {"attempts=1", "http_status=307", "error~redirect"}, 0},
    {"an empty 200", "\"kind\":\"empty\"", "retrying", {"reason=uncertain", "attempts=1", "http_status=200"}, 1},
    {"half an object", "\"kind\":\"unparsable\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"HTML with 200", "\"kind\":\"unparsable\",\"body\":\"<html>maintenance</html>\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"closed before the answer", "\"kind\":\"drop\",\"at\":\"after\"", "retrying", {"reason=uncertain", "attempts=1", "!http_status"}, 1},
    {"reset before the answer", "\"kind\":\"drop\",\"at\":\"after\",\"end\":\"rst\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"cut inside the head", "\"kind\":\"cut_head\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"cut inside the body", "\"kind\":\"cut_body\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"a bad chunk", "\"kind\":\"bad_chunk\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"no HTTP", "\"kind\":\"garbage\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"only 100 Continue", "\"kind\":\"continue\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"a body without end", "\"kind\":\"endless\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"silence", "\"kind\":\"hang\",\"at\":\"after\"", "retrying", {"reason=uncertain", "attempts=1"}, 1},
    {"silence, not accepted", "\"kind\":\"hang\",\"at\":\"before\"", "retrying", {"reason=uncertain", "attempts=1"}, 0},
    {"slow, but within the time", "\"kind\":\"delay\",\"ms\":300", "sent", {"code=100", "attempts=1", "confirmed_by=response"}, 1},
    {"byte by byte", "\"kind\":\"drip\",\"ms\":1", "sent", {"code=100", "attempts=1"}, 1},
    {"said twice", "\"kind\":\"duplicate\"", "sent", {"code=100", "attempts=1"}, 1},
    {"100 Continue is no end", "\"kind\":\"close_idle\",\"ms\":1", "sent", {"code=100", "attempts=1"}, 1},
};

/* clang-format on */

Test(daemon_codes, tells_refused_from_uncertain_by_what_was_heard, .timeout = 200)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.gateway = "timeout = 2s\nconnect_timeout = 1s"};
    bh_rig_start(&rig, &options);
    run_answers(&rig, "sms", "491719990102", statuses, COUNT(statuses));
    bh_rig_stop(&rig);
}

/* ---- shapes ---------------------------------------------------------------------------------------- */

#define SAYS(body) "\"kind\":\"unparsable\",\"body\":\"" body "\""

/* clang-format off */

static const struct answer_row shapes[] = {
    {"a quoted 100", "\"kind\":\"quoted_code\"", "sent", {"code=100"}, 1},
    {"a code and an id", SAYS("100\\n77123456789"), "sent", {"code=100", "message_id=77123456789"}, 1},
    {"with line ends of Windows", SAYS("100\\r\\n77123456790\\r\\n"), "sent", {"code=100", "message_id=77123456790"}, 1},
    {"details in German", SAYS("100\\nVerbucht: 0.075\\nPreis: 0.075\\nGuthaben: 8.495\\nText: x\\nSMS-Typ: direct\\nFlash SMS: false\\nEncoding: gsm\\nGSM0338: true\\nDebug: false"),
     "sent", {"code=100", "balance=8.495"}, 1},
    {"details in English and an id", SAYS("100\\n77123456791\\nbooked: 0.15\\nprice: 0.15\\ncredit: 27.38\\ntext: x\\nSMS type: direct\\nFlash SMS: off\\nEncoding: ASCII\\nGSM0338: true\\nDebug: false"),
     "sent", {"code=100", "message_id=77123456791", "price=0.15", "balance=27.38"}, 1},
    {"a bare refusal", SAYS("202"), "failed", {"code=202"}, 1},
    {"a quoted refusal", SAYS("\\\"202\\\""), "failed", {"code=202"}, 1},
    {"a refusal with a line end", SAYS("202\\n"), "failed", {"code=202"}, 1},
    {"a refusal as an object", SAYS("{\\\"success\\\":\\\"202\\\",\\\"messages\\\":[]}"), "failed", {"code=202"}, 1},
    {"100 above, refused below", SAYS("{\\\"success\\\":\\\"100\\\",\\\"messages\\\":[{\\\"recipient\\\":\\\"491719990103\\\",\\\"success\\\":false,\\\"error\\\":202,\\\"error_text\\\":\\\"bad\\\"}]}"),
     "failed", {"code=202", "attempts=1"}, 1},
    {"the error as a text", SAYS("{\\\"success\\\":\\\"100\\\",\\\"messages\\\":[{\\\"recipient\\\":\\\"491719990103\\\",\\\"success\\\":false,\\\"error\\\":\\\"202\\\"}]}"),
     "failed", {"code=202"}, 1},
    {"numbers for texts", SAYS("{\\\"success\\\":100,\\\"total_price\\\":\\\"0.075\\\",\\\"messages\\\":[{\\\"id\\\":77123456792,\\\"recipient\\\":491719990103,\\\"success\\\":true,\\\"error\\\":null,\\\"price\\\":0.075,\\\"parts\\\":1}]}"),
     "sent", {"code=100", "message_id=77123456792"}, 1},
    {"a word", SAYS("accepted"), "retrying", {"reason=uncertain"}, 1},
    {"a number that is no code", SAYS("1000"), "retrying", {"reason=uncertain"}, 1},
};

static const struct answer_row voice_shapes[] = {
    {"three lines", SAYS("100\\n1038704\\n0.1"), "sent", {"code=100", "message_id=1038704", "price=0.1"}, 1},
    {"three lines of a refusal", SAYS("301\\n\\n0.1"), "failed", {"code=301", "!message_id"}, 1},
    {"a bare refusal", SAYS("202"), "failed", {"code=202"}, 1},
    {"id as a number", SAYS("{\\\"success\\\":\\\"100\\\",\\\"total_price\\\":0.1,\\\"balance\\\":3.5,\\\"debug\\\":false,\\\"messages\\\":[{\\\"id\\\":1038705,\\\"recipient\\\":\\\"491719990104\\\",\\\"price\\\":0.1,\\\"success\\\":true,\\\"error\\\":null}]}"),
     "sent", {"code=100", "message_id=1038705", "price=0.1", "balance=3.5"}, 1},
    {"garbage", SAYS("what?"), "unknown", {"attempts=1"}, 1},
};

/* clang-format on */

Test(daemon_codes, reads_every_shape_of_an_sms_answer, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    run_answers(&rig, "sms", "491719990103", shapes, COUNT(shapes));
    bh_rig_stop(&rig);
}

Test(daemon_codes, reads_every_shape_of_a_voice_answer, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    run_answers(&rig, "voice", "491719990104", voice_shapes, COUNT(voice_shapes));
    bh_rig_stop(&rig);
}

/* ---- several recipients ---------------------------------------------------------------------------- */

static void
send_to_two(struct bh_rig *rig, const char *id, const char *state)
{
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990201,491719990202\",\"text\":\"%s\"}", id,
                    id));
    bh_rig_wait_state(rig, "sms", id, state);
}

Test(daemon_codes, keeps_recipients_apart)
{
    static const char *const partial_codes[] = {"101", "100"};
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < COUNT(partial_codes); i++) {
        const char *id = bh_rig_text(&rig, "partial-%s", partial_codes[i]);
        bh_rig_tell(&rig, "config",
                    bh_rig_text(&rig, "{\"gateway\":{\"partial_code\":%s}}", partial_codes[i]));
        bh_rig_tell(&rig, "fault",
                    bh_rig_text(&rig,
                                "{\"kind\":\"code\",\"code\":202,\"recipient\":\"491719990202\","
                                "\"match\":{\"text\":\"%s\"}}",
                                id));
        send_to_two(&rig, id, "partial");
        daemon_check_status(&rig, "sms", id, id, "attempts=1");
        daemon_check_status(&rig, "sms", id, id, "recipients~\"code\":202");
        daemon_check_status(&rig, "sms", id, id, "recipients~\"success\":true");
        daemon_check_status(&rig, "sms", id, id, "price=0.075");
        cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s", id);
    }
    send_to_two(&rig, "both", "sent");
    cr_expect_eq(bh_rig_accepted(&rig, "both"), 2);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"code\",\"code\":202,\"match\":{\"text\":\"neither\"}}");
    send_to_two(&rig, "neither", "failed");
    cr_expect_eq(bh_rig_accepted(&rig, "neither"), 0);
    bh_rig_stop(&rig);
}

/* The rest of a job is retried, never the recipient who has it already. */
Test(daemon_codes, retries_only_the_recipients_that_are_open)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .gateway = "reload_lock = off",
        .sim = "[lock]\nenabled = no\n",
        .queues = "[queue sms]\ntype = sms\nretry = 1s, 1s\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":600,\"recipient\":\"491719990202\",\"match\":{"
                "\"text\":\"rest\"}}");
    send_to_two(&rig, "rest", "sent");
    daemon_check_status(&rig, "sms", "rest", "rest", "attempts=2");
    cr_expect_eq(bh_rig_accepted(&rig, "rest"), 2);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "doubled_count"), 0);
    const struct bh_tap_request *second = bh_tap_find(rig.tap, "text", "rest", 1);
    cr_assert_not_null(second);
    char *to = bh_tap_form(second, "to", NULL);
    cr_expect_str_eq(to, "491719990202");
    free(to);
    bh_rig_stop(&rig);
}
