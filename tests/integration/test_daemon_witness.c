/*
 * What could tell about a lost answer, journal and reload lock: what the daemon says about it at its start, how it learns of
 * changes, and that all processes know.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon_rows.h"
#include "support/run_program.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* "" while nothing is known of the account. */
static const char *
control_key(struct bh_rig *rig)
{
    redisReply *keys = bh_rig_command(rig, "KEYS bellhop:{@*}:control");
    cr_assert_leq(keys->elements, 1);
    const char *key = keys->elements > 0 ? bh_rig_text(rig, "%s", keys->element[0]->str) : "";
    freeReplyObject(keys);
    return key;
}

/* A field of the account; "" when it is not there. */
static const char *
account_field(struct bh_rig *rig, const char *name)
{
    const char *key = control_key(rig);
    if (key[0] == '\0')
        return "";
    redisReply *reply = bh_rig_command(rig, "HGET %s %s", key, name);
    const char *text = bh_rig_text(rig, "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
    freeReplyObject(reply);
    return text;
}

static bool
said(const struct bh_daemon *daemon, const char *words)
{
    return bh_process_count(&daemon->process, words) > 0;
}

/* ---- what is said at the start ----------------------------------------------------------------------- */

static const struct {
    const char *name, *gateway, *sim;
    const char *journal, *lock; /* what the log has to say */
} starts[] = {
    {"readable",          NULL,                            NULL,                                         "journal access=readable empty=yes", "lock=assumed"},
    {"denied",            NULL,                            "[key sim-live-key]\nrights = sms,balance\n",
     "may not read the gateway's journal",                                                                                                    "lock=assumed"},
    {"signed",            "signing_key = sim-signing-key", "[account]\nsigning = required\n",
     "journal access=readable",                                                                                                               "lock=assumed"},
    {"key in the form",   "auth = parameter",              NULL,                                         "journal access=readable",           "lock=assumed"},
    {"without lock",      "reload_lock = off",             NULL,                                         "journal access=readable",           "lock=off"    },
    {"without retention", NULL,                            "[journal]\nretention = no\n",                "empty=yes",                         "lock=assumed"},
};

Test(daemon_witness, says_at_its_start_what_could_tell_about_a_lost_answer)
{
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .gateway = starts[i].gateway, .sim = starts[i].sim, .without_daemon = true};
        bh_rig_start(&rig, &options);
        struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, NULL);
        BH_RIG_UNTIL(&rig, said(daemon, starts[i].lock) && said(daemon, starts[i].journal));
        const char *wanted = strstr(starts[i].journal, "may not") != NULL ? "no" : "yes";
        BH_RIG_UNTIL(&rig, strcmp(account_field(&rig, "journal"), wanted) == 0);
        bh_rig_stop(&rig);
    }
}

Test(daemon_witness, says_after_a_restart_that_the_journal_has_something_in_it)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &(struct bh_rig_options){.gateway = "reload_lock = 3m"});
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719993001\",\"text\":\"a\"}");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    BH_RIG_UNTIL(&rig, said(&rig.daemons[0], "journal access=readable msg="));
    cr_expect_not(said(&rig.daemons[0], "from the future"));
    bh_rig_stop(&rig);
}

/* ---- bellhop probe-lock ------------------------------------------------------------------------------- */

#define PHONE  "--to=+49 171 9993001"
#define WORDS_ 3

struct probe_row {
    const char *name, *gateway, *sim;
    const char *fault;    /* told to the simulator before; NULL: none */
    const char *args[6];  /* behind the command's name */
    const char *variable; /* NAME=value; NULL: none */
    int exit_status;
    const char *said[WORDS_];   /* on standard output */
    const char *warned[WORDS_]; /* on standard error; none: it is empty */
    const char *lock;           /* what the account knows afterwards */
    long long accepted;         /* SMS at the gateway */
};

static const char *
write_config(struct bh_rig *rig)
{
    const char *path = bh_rig_text(rig, "%s/probe.ini", rig->dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(bh_rig_config(rig, NULL, 0), file);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static struct run_result
run_bellhop(struct bh_rig *rig, const char *command, const char *const *args, const char *variable)
{
    static const char *const left[] = {"probe.ini", "run.in", "run.out", "run.err"};
    const char *all[16] = {"--config", write_config(rig), command, NULL};
    for (size_t i = 0; args[i] != NULL; i++)
        all[3 + i] = args[i];
    const struct run_request request = {
        .program = BH_TEST_BELLHOP,
        .directory = rig->dir,
        .args = all,
        .environment = (const char *const[]){variable, NULL},
    };
    struct run_result result;
    run_program(&request, &result);
    for (size_t i = 0; i < COUNT(left); i++)
        (void)remove(bh_rig_text(rig, "%s/%s", rig->dir, left[i]));
    return result;
}

static struct run_result
run_probe(struct bh_rig *rig, const char *const *args, const char *variable)
{
    return run_bellhop(rig, "probe-lock", args, variable);
}

/* What `bellhop status` says of it afterwards, for people and for machines. */
static void
expect_status(struct bh_rig *rig, const char *name, const char *words, const char *member)
{
    const char *const people[] = {NULL}, *const machines[] = {"--json", NULL};
    struct run_result result = run_bellhop(rig, "status", people, NULL);
    cr_expect_not_null(strstr(result.out, words), "%s: %s in\n%s", name, words, result.out);
    run_release(&result);
    result = run_bellhop(rig, "status", machines, NULL);
    cr_expect_not_null(strstr(result.out, member), "%s: %s in\n%s", name, member, result.out);
    run_release(&result);
}

static void
check_probe(const struct probe_row *row)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .gateway = row->gateway, .sim = row->sim, .without_daemon = true};
    bh_rig_start(&rig, &options);
    if (row->fault != NULL)
        bh_rig_tell(&rig, "fault", row->fault);
    struct run_result result = run_probe(&rig, row->args, row->variable);
    cr_expect_eq(result.exit_status, row->exit_status, "%s: %d", row->name, result.exit_status);
    for (size_t i = 0; i < WORDS_ && row->said[i] != NULL; i++)
        cr_expect_not_null(strstr(result.out, row->said[i]), "%s: %s in\n%s", row->name,
                           row->said[i], result.out);
    for (size_t i = 0; i < WORDS_ && row->warned[i] != NULL; i++)
        cr_expect_not_null(strstr(result.err, row->warned[i]), "%s: %s in\n%s", row->name,
                           row->warned[i], result.err);
    if (row->warned[0] == NULL)
        cr_expect_str_eq(result.err, "", "%s: %s", row->name, result.err);
    cr_expect_str_eq(account_field(&rig, "lock"), row->lock, "%s", row->name);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), row->accepted, "%s", row->name);
    run_release(&result);
    bh_rig_stop(&rig);
}

/* clang-format off */
#define TRY  {PHONE, "--wait=10ms", "--yes"}
#define JSON {PHONE, "--wait=10ms", "--yes", "--json"}

static const struct probe_row verdicts[] = {
    {.name = "on", .args = TRY, .lock = "on", .accepted = 1,
     .said = {"The reload lock works", "It cost 0.075."}},
    {.name = "on, as JSON", .args = JSON, .lock = "on", .accepted = 1,
     .said = {"{\"reload_lock\":\"on\",\"stored\":true,\"foreign_id\":\"probe-lock-", "\"code\":402"}},
    {.name = "off", .args = TRY, .sim = "[lock]\nenabled = no\n",
     .exit_status = 1, .lock = "off", .accepted = 2,
     .said = {"The reload lock is off", "two were sent", "It cost 0.15."}},
    {.name = "off, as JSON", .args = JSON, .sim = "[lock]\nenabled = no\n",
     .exit_status = 1, .lock = "off", .accepted = 2,
     .said = {"\"reload_lock\":\"off\",\"stored\":true"}},
    {.name = "signed", .args = TRY, .gateway = "signing_key = sim-signing-key\nauth = header",
     .sim = "[account]\nsigning = required\n", .lock = "on", .accepted = 1,
     .said = {"The reload lock works"}},
    {.name = "the key in the form", .args = TRY, .gateway = "auth = parameter",
     .lock = "on", .accepted = 1,
     .said = {"The reload lock works"}},
    {.name = "off by configuration", .args = TRY, .gateway = "reload_lock = off",
     .lock = "on", .accepted = 1,
     .said = {"The reload lock works"}, .warned = {"the result is not used"}},
    {.name = "no right to send", .args = TRY, .sim = "[key sim-live-key]\nrights = balance\n",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. ", "(code 902)", "Give the key the right"}},
    {.name = "wrong key", .args = TRY, .gateway = "api_key = wrong",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. ", "(code 900)", "api_key"}},
    {.name = "no credit", .args = TRY, .sim = "[account]\nbalance = 0\n",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. ", "(code 500)", "Top up"}},
    {.name = "no credit, as JSON", .args = JSON, .sim = "[account]\nbalance = 0\n",
     .exit_status = 1, .lock = "",
     .said = {"\"reload_lock\":\"undecided\",\"stored\":false,\"reason\":\"", "\"code\":500"}},
    {.name = "credit for one", .args = TRY, .sim = "[account]\nbalance = 0.1\n[lock]\nenabled = no\n",
     .exit_status = 1, .lock = "", .accepted = 1,
     .said = {"The first SMS was sent, but the repetition tells nothing.", "(code 500)"}},
    {.name = "sandbox key", .args = TRY, .gateway = "api_key = sim-sandbox-key",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. ", "sandbox key"}},
    {.name = "unreachable", .args = TRY, .variable = "BELLHOP_GATEWAY_URL=http://127.0.0.1:1/api",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. Nothing was sent", "[gateway] url"}},
    {.name = "first answer lost", .args = TRY, .fault = "{\"kind\":\"drop\",\"at\":\"after\"}",
     .exit_status = 1, .lock = "", .accepted = 1,
     .said = {"Undecided. ", "may have been sent"}},
    {.name = "second answer lost", .args = TRY,
     .fault = "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"connection_request\":2}}",
     .exit_status = 1, .lock = "", .accepted = 1,
     .said = {"Undecided. ", "repetition tells nothing"}},
    {.name = "an error page", .args = TRY, .fault = "{\"kind\":\"status\",\"status\":502}",
     .exit_status = 1, .lock = "",
     .said = {"Undecided. ", "HTTP 502"}},
};
/* clang-format on */

Test(daemon_witness, status_shows_what_could_tell_about_a_lost_answer)
{
    struct bh_rig rig;
    const char *const args[] = {PHONE, "--yes", "--wait=10ms", NULL};
    bh_rig_start(&rig, &(struct bh_rig_options){.without_daemon = true});
    expect_status(&rig, "at first", "reload lock: assumed; journal: not asked yet",
                  "\"reload_lock\":null,\"reload_lock_at\":0,\"journal\":null");
    struct run_result result = run_probe(&rig, args, NULL);
    run_release(&result);
    expect_status(&rig, "tried", "reload lock: proven on 20", "\"reload_lock\":\"on\"");
    bh_rig_tell(&rig, "config", "{\"lock\":{\"enabled\":\"no\"}}");
    result = run_probe(&rig, args, NULL);
    run_release(&result);
    expect_status(&rig, "off", "reload lock: off, seen on 20", "\"reload_lock\":\"off\"");
    bh_rig_integer(&rig, "HDEL %s lock", control_key(&rig));
    bh_rig_integer(&rig, "HSET %s journal no", control_key(&rig));
    expect_status(&rig, "taken back", "doubtful since 20", "\"reload_lock\":null");
    expect_status(&rig, "denied", "journal: denied", "\"journal\":\"no\"");
    bh_rig_stop(&rig);
}

Test(daemon_witness, probe_tells_what_it_saw_and_keeps_it)
{
    for (size_t i = 0; i < COUNT(verdicts); i++)
        check_probe(&verdicts[i]);
}

/* clang-format off */
static const struct probe_row refusals[] = {
    {.name = "not confirmed", .args = {PHONE},
     .exit_status = 2, .lock = "", .warned = {"costs money", "--yes"}},
    {.name = "to nobody", .args = {"--yes"},
     .exit_status = 2, .lock = "", .warned = {"needs --to"}},
    {.name = "to a group", .args = {"--to=Team", "--yes"},
     .exit_status = 2, .lock = "", .warned = {"one number"}},
    {.name = "to two", .args = {"--to=01711111111,01722222222", "--yes"},
     .exit_status = 2, .lock = "", .warned = {"--to"}},
    {.name = "an operand", .args = {PHONE, "--yes", "x"},
     .exit_status = 2, .lock = "", .warned = {"no operands"}},
    {.name = "a wait without unit", .args = {PHONE, "--yes", "--wait=5"},
     .exit_status = 2, .lock = "", .warned = {"--wait"}},
    {.name = "a wait longer than sense", .args = {PHONE, "--yes", "--wait=2m"},
     .exit_status = 2, .lock = "", .warned = {"a minute"}},
    {.name = "no text", .args = {PHONE, "--yes", "--text="},
     .exit_status = 2, .lock = "", .warned = {"--text"}},
    {.name = "two parts", .exit_status = 2, .lock = "", .warned = {"would cost 2"},
     .args = {PHONE, "--yes", "--text=\xe2\x98\x83 is no character of the GSM alphabet, so seventy of "
                              "any kind are all that fits"}},
    {.name = "Redis is away", .args = {PHONE, "--yes"}, .variable = "BELLHOP_REDIS_URL=redis://127.0.0.1:1",
     .exit_status = 1, .lock = "", .warned = {"127.0.0.1:1"}},
    {.name = "no key", .args = {PHONE, "--yes"}, .gateway = "api_key =\napi_key_file = /nowhere",
     .exit_status = 1, .lock = "", .warned = {"API key cannot be read"}},
};
/* clang-format on */

Test(daemon_witness, probe_sends_nothing_before_all_is_right)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        check_probe(&refusals[i]);
}

Test(daemon_witness, probe_leaves_a_paused_account_alone)
{
    struct bh_rig rig;
    const char *const args[] = {PHONE, "--yes", NULL};
    bh_rig_start(&rig, &(struct bh_rig_options){.sim = "[account]\nbalance = 0\n"});
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719993001\",\"text\":\"a\"}");
    BH_RIG_UNTIL(&rig, strcmp(account_field(&rig, "state"), "paused") == 0);
    struct run_result result = run_probe(&rig, args, NULL);
    cr_expect_eq(result.exit_status, 1);
    cr_expect_not_null(strstr(result.err, "paused (credit): nothing was sent"), "%s", result.err);
    run_release(&result);
    bh_rig_stop(&rig);
}

/* The same text again within the lock's time is refused at once, and that is told apart from a proof. */
Test(daemon_witness, probe_knows_an_sms_that_was_sent_before)
{
    struct bh_rig rig;
    const char *const args[] = {PHONE, "--yes", "--wait=10ms", "--text=again", NULL};
    bh_rig_start(&rig, &(struct bh_rig_options){.without_daemon = true});
    struct run_result first = run_probe(&rig, args, NULL), second = run_probe(&rig, args, NULL);
    cr_expect_eq(first.exit_status, 0);
    cr_expect_eq(second.exit_status, 1);
    cr_expect_not_null(strstr(second.out, "wait three minutes"), "%s", second.out);
    cr_expect_str_eq(account_field(&rig, "lock"), "on", "and the proof stays");
    run_release(&first);
    run_release(&second);
    bh_rig_stop(&rig);
}

/* As probe-lock writes it, or as a worker's word takes it back; the entry in the log wakes the keepers. */
static void
know_lock(struct bh_rig *rig, const char *word)
{
    const char *key = control_key(rig);
    bh_rig_integer(rig, "HSET %s lock %s lock:at 1795165200000 lock:why tried", key, word);
    const char *log = bh_rig_text(rig, "%.*slog", (int)(strlen(key) - strlen("control")), key);
    freeReplyObject(bh_rig_command(rig, "XADD %s * wake 1", log));
}

Test(daemon_witness, all_processes_say_what_a_probe_has_shown)
{
    struct bh_rig rig;
    const char *const args[] = {PHONE, "--yes", "--wait=10ms", NULL};
    bh_rig_start(&rig, &(struct bh_rig_options){.tap = false});
    struct bh_daemon *first = &rig.daemons[0], *second = bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, said(first, "lock=assumed") && said(second, "lock=assumed"));
    struct run_result result = run_probe(&rig, args, NULL);
    cr_expect_eq(result.exit_status, 0, "%s%s", result.out, result.err);
    run_release(&result);
    BH_RIG_UNTIL(&rig, said(first, "lock=proven") && said(second, "lock=proven"));
    know_lock(&rig, "off");
    BH_RIG_UNTIL(&rig, said(first, "lock=off") && said(second, "lock=off"));
    bh_rig_stop(&rig);
}

/*
 * An answer is lost, the repetition goes out in reliance on a lock that somebody has switched off since, and the
 * journal shows the message twice.
 */
Test(daemon_witness, a_contradiction_takes_the_proof_back_in_all_processes)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &(struct bh_rig_options){
                           .gateway = "reload_lock = 12s\ntimeout = 2s\nconnect_timeout = 1s",
                           .sim = "[lock]\nenabled = no\n"});
    struct bh_daemon *first = &rig.daemons[0], *second = bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, said(first, "lock=assumed") && said(second, "lock=assumed"));
    BH_RIG_UNTIL(&rig, strcmp(account_field(&rig, "journal"), "yes") == 0);
    know_lock(&rig, "on");
    BH_RIG_UNTIL(&rig, said(first, "lock=proven") && said(second, "lock=proven"));

    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"path\":\"/api/sms\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719993001\",\"text\":\"a\"}");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    cr_expect_eq(bh_rig_accepted(&rig, "a"), 2, "the test's own premise");
    static const char doubtful[] = "error reload_lock_doubtful";
    BH_RIG_UNTIL(&rig, said(first, doubtful) && said(second, doubtful));
    cr_expect_eq(bh_process_count(&first->process, doubtful), 1, "once is enough");
    cr_expect(said(second, "a message was sent twice"));
    cr_expect(said(second, "bellhop probe-lock"), "and what to do");
    cr_expect_str_eq(account_field(&rig, "lock"), "");
    bh_rig_stop(&rig);
}
