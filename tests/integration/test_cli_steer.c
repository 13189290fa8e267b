/* The commands that change jobs and queues: the real program, a real Redis, jobs of every kind. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli_jobs.h"
#include "core/base.h"

TestSuite(steer, .init = cli_jobs_set_up, .fini = cli_jobs_tear_down);

static long long
number(const char *command, const char *argument)
{
    redisReply *reply = redisCommand(stage.redis, command, argument);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", command);
    long long value =
        reply->type == REDIS_REPLY_INTEGER ? reply->integer : reply->type == REDIS_REPLY_ARRAY;
    freeReplyObject(reply);
    return value;
}

static void
expect_state(const char *id, const char *wanted)
{
    redisReply *reply = redisCommand(stage.redis, "HGET bellhop:{sms}:status:%s state", id);
    cr_expect_str_eq(reply->str != NULL ? reply->str : "(none)", wanted, "%s", id);
    freeReplyObject(reply);
}

/* clang-format off */

Test(steer, refuses_what_it_cannot_understand)
{
    static const struct cli_row rows[] = {
        {"many without --yes", {"hold", "retry-1", "sched-1"}, NULL, 2, {NULL}, {"would hold 2 jobs: add --yes"}},
        {"a filter without --yes", {"cancel", "label=news"}, NULL, 2, {NULL}, {"would cancel 2 jobs", "--dry-run"}},
        {"ids from input without --yes", {"expire", "-"}, "retry-1\nsched-1\n", 2, {NULL}, {"would expire 2 jobs"}},
        {"a mistyped filter", {"retry", "stat=held"}, NULL, 2, {NULL}, {"did you mean `state`?"}},
        {"no such queue", {"hold", "--queue", "fax", "a"}, NULL, 1, {NULL}, {"fax"}},
        {"nothing like it", {"requeue", "code=999"}, NULL, 3, {NULL}, {"there is no such job that can be requeued"}},
        {"no such id", {"hold", "nobody"}, NULL, 3, {NULL}, {"nobody is not known"}},
        {"empty input", {"hold", "-"}, "", 3, {NULL}, {"there is no such job\n"}},
        {"the dead: which", {"dead", "retry", "--limit", "3", "dead-1"}, NULL, 2, {NULL}, {"are for dead list"}},
        {"the dead: list what", {"dead", "list", "--yes"}, NULL, 2, {NULL}, {"--yes and --dry-run are for"}},
        {"pause what", {"pause"}, NULL, 2, {NULL}, {"--all or --account"}},
        {"pause both", {"pause", "--all", "sms"}, NULL, 2, {NULL}, {"either --all or"}},
        {"pause for bytes", {"pause", "sms", "--reason", "\xFF"}, NULL, 2, {NULL}, {"--reason is not UTF-8", "see bellhop help pause\n"}},
        {"pause one that is not there", {"pause", "sms", "fax"}, NULL, 1, {NULL}, {"has no [queue fax]"}},
        {"pause no queue", {"pause", "fax"}, NULL, 1, {NULL}, {"fax"}},
        {"limit what", {"limit", "--rate", "5"}, NULL, 2, {NULL}, {"limit what?"}},
        {"limit by a word", {"limit", "sms", "--rate", "fast"}, NULL, 2, {NULL}, {"--rate needs a number"}},
        {"limit below nothing", {"limit", "sms", "--concurrency", "-1"}, NULL, 2, {NULL}, {"--concurrency needs a number"}},
        {"limit and clear", {"limit", "sms", "--rate", "5", "--clear"}, NULL, 2, {NULL}, {"either --clear"}},
        {"drain for how long", {"drain", "--timeout", "5"}, NULL, 2, {NULL}, {"--timeout"}},
        {"audit of what", {"audit", "retry-1"}, NULL, 2, {NULL}, {"takes no operands"}},
        {"audit of nothing", {"audit"}, NULL, 3, {NULL}, {"nobody has changed anything"}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
    expect_state("retry-1", "retrying");
    expect_state("sched-1", "scheduled");
}

/* One row per operation and kind of job that is refused, with the word that says what to do instead. */
Test(steer, tells_why_a_job_is_not_changed)
{
    static const struct cli_row rows[] = {
        {"hold: in hand", {"hold", "lease-1"}, NULL, 1, {NULL}, {"lease-1: is in a worker's hand"}},
        {"hold: uncertain", {"hold", "unc-1"}, NULL, 1, {NULL}, {"may have been sent already", "bellhop resolve"}},
        {"hold: dead", {"hold", "dead-1"}, NULL, 1, {NULL}, {"is failed", "bellhop requeue"}},
        {"hold: ended", {"hold", "sent-1"}, NULL, 1, {NULL}, {"is sent: nothing of it waits"}},
        {"release: not held", {"release", "retry-1"}, NULL, 1, {NULL}, {"is retrying, not held"}},
        {"cancel: dead", {"cancel", "dead-1"}, NULL, 1, {NULL}, {"is failed"}},
        {"cancel: unknown", {"cancel", "dead-2"}, NULL, 1, {NULL}, {"is unknown: say what became of it with `bellhop resolve`"}},
        {"cancel: unknown id in which queue", {"cancel", "nobody"}, NULL, 3, {NULL}, {"name its queue with --queue"}},
        {"expire: uncertain", {"expire", "unc-1"}, NULL, 1, {NULL}, {"bellhop resolve"}},
        {"expire: in hand", {"expire", "lease-1"}, NULL, 1, {NULL}, {"in a worker's hand"}},
        {"retry: dead", {"retry", "dead-1"}, NULL, 1, {NULL}, {"bellhop requeue"}},
        {"requeue: uncertain", {"requeue", "unc-1"}, NULL, 1, {NULL}, {"bellhop resolve"}},
        {"requeue: unknown", {"requeue", "dead-2"}, NULL, 1, {NULL}, {"bellhop resolve"}},
        {"requeue: sent", {"requeue", "sent-1"}, NULL, 1, {NULL}, {"is sent"}},
        {"delete: waiting", {"delete", "retry-1"}, NULL, 1, {NULL}, {"only the dead are deleted"}},
        {"delete: unknown", {"delete", "dead-2"}, NULL, 1, {NULL}, {"bellhop resolve"}},
        {"dead retry: living", {"dead", "retry", "retry-1"}, NULL, 3, {NULL}, {"there is no such job that can be requeued"}},
        {"cancel: the dead by filter", {"cancel", "state=failed", "--yes"}, NULL, 3, {NULL}, {"there is no such job that can be cancelled"}},
        {"not claimed", {"hold", "state=ready", "from=me"}, NULL, 1, {NULL}, {"raw-1: has not been claimed by a worker yet"}},
        {"an id that would steer a terminal", {"cancel", "state=ready", "--dry-run"}, NULL, 0, {"(without id)  sms", "raw-1  sms"}, {NULL}},
        {"one of two", {"retry", "retry-1", "dead-1", "--yes"}, NULL, 1, {"retry-1: goes as soon as"}, {"dead-1: is failed"}},
    };
    cli_jobs_put_usual();
    TELL("LPUSH bellhop:{sms} %s",
         "{\"id\":\"a\\u001b[2J\",\"from\":\"evil\",\"to\":\"1\",\"text\":\"x\"}");
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(steer, changes_what_it_may)
{
    static const struct cli_row rows[] = {
        {"dry run", {"hold", "label=news", "--dry-run"}, NULL, 0, {"ready-1  sms", "retry-1  sms  retrying", "would hold 2 jobs"}, {NULL}},
        {"hold", {"hold", "retry-1"}, NULL, 0, {"retry-1: held until `bellhop release`"}, {NULL}},
        {"hold again", {"hold", "retry-1"}, NULL, 0, {"retry-1: is so already"}, {NULL}},
        {"it is listed so", {"list", "reason=operator", "--fields", "id,state,next"}, NULL, 0, {"retry-1  held   when released"}, {NULL}},
        {"retry what is held", {"retry", "retry-1"}, NULL, 1, {NULL}, {"bellhop release"}},
        {"release", {"release", "reason=operator"}, NULL, 0, {"retry-1: released"}, {NULL}},
        {"hold in the line", {"hold", "ready-1"}, NULL, 0, {"ready-1: held"}, {NULL}},
        {"retry before its delay is over", {"retry", "sched-1"}, NULL, 0, {"sched-1: goes as soon as a worker is free"}, {NULL}},
        {"retry again", {"retry", "sched-1"}, NULL, 0, {"is in the line already"}, {NULL}},
        {"cancel", {"cancel", "held-1"}, NULL, 0, {"held-1: cancelled, not sent"}, {NULL}},
        {"cancel again", {"cancel", "held-1"}, NULL, 0, {"is so already"}, {NULL}},
        {"cancel an uncertain one", {"cancel", "unc-1"}, NULL, 1, {NULL}, {"unc-1: will not be sent any more", "ended as unknown", "bellhop resolve"}},
        {"cancel in hand", {"cancel", "lease-1"}, NULL, 0, {"lease-1: is in a worker's hand: it is cancelled unless"}, {NULL}},
        {"cancel before it was claimed", {"cancel", "raw-1", "--queue", "sms"}, NULL, 0, {"raw-1: is cancelled when a worker claims it"}, {NULL}},
        {"expire", {"expire", "retry-1"}, NULL, 0, {"retry-1: expired, not sent"}, {NULL}},
        {"dead retry", {"dead", "retry", "dead-1"}, NULL, 0, {"dead-1: begins anew"}, {NULL}},
        {"dead purge", {"dead", "purge", "state=invalid"}, NULL, 0, {"dead-3: deleted"}, {NULL}},
        {"for machines", {"release", "ready-1", "--json"}, NULL, 0,
         {"{\"queue\":\"sms\",\"id\":\"ready-1\",\"operation\":\"release\",\"result\":\"done\",\"before\":\"held\",\"after\":\"scheduled\""}, {NULL}},
        {"refused, for machines", {"hold", "sent-1", "--json"}, NULL, 1, {"\"result\":\"wrong_state\",\"before\":\"sent\""}, {NULL}},
        {"audit", {"audit"}, NULL, 0, {"release", "cancel", "reason=operator", "dead-1", "expire"}, {NULL}},
        {"audit for machines", {"audit", "--limit", "1", "--json"}, NULL, 0, {"\"what\":\"release\",\"id\":\"ready-1\",\"count\":1,\"chosen_by\":\"ready-1\""}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
    expect_state("held-1", "cancelled");
    expect_state("retry-1", "expired");
    expect_state("unc-1", "unknown");
    expect_state("dead-1", "retrying");
    expect_state("sched-1", "scheduled");
    cr_expect_eq(number("EXISTS bellhop:{sms}:cancel:%s", "lease-1"), 1);
    cr_expect_eq(number("EXISTS bellhop:{sms}:cancel:%s", "raw-1"), 1);
    cr_expect_gt(number("PTTL bellhop:{sms}:cancel:%s", "raw-1"), 0);
}

Test(steer, pauses_limits_and_drains_queues)
{
    static const struct cli_row rows[] = {
        {"pause", {"pause", "sms", "--reason", "lunch"}, NULL, 0, {"sms: paused; what is in flight ends"}, {NULL}},
        {"pause again", {"pause", "sms"}, NULL, 0, {"sms: is paused already"}, {NULL}},
        {"resume all", {"resume", "--all"}, NULL, 0, {"sms: goes on", "voice: is not paused"}, {NULL}},
        {"the account", {"pause", "--account", "--reason", "invoice", "--json"}, NULL, 0, {"\"account\":true", "\"result\":\"done\""}, {NULL}},
        {"the account again", {"pause", "--account"}, NULL, 0, {"account: is paused already"}, {NULL}},
        {"it goes on", {"resume", "--account"}, NULL, 0, {"account: goes on"}, {NULL}},
        {"both are kept", {"audit"}, NULL, 0, {"(account)", "pause", "  invoice\n", "resume", "  paused: invoice, by "}, {NULL}},
        {"for machines", {"audit", "--json", "--limit", "1"}, NULL, 0, {"{\"account\":true,\"at\":", "\"what\":\"resume\",\"before\":\"paused: invoice, by "}, {NULL}},
        {"limits", {"limit", "sms"}, NULL, 0, {"sms: rate without limit (configuration), concurrency without limit"}, {NULL}},
        {"a rate", {"limit", "sms", "--rate", "5"}, NULL, 0, {"sms: rate 5 (set at run time), concurrency without limit (configuration)"}, {NULL}},
        {"the other stays", {"limit", "sms", "--concurrency", "7"}, NULL, 0, {"rate 5 (set at run time), concurrency 7 (set at run time)"}, {NULL}},
        {"cleared", {"limit", "--all", "--clear"}, NULL, 0, {"sms: rate without limit (configuration)", "voice: "}, {NULL}},
        {"drained", {"drain", "--timeout", "5s"}, NULL, 0, {"sms: paused, and nothing", "voice: paused, and nothing"}, {NULL}},
        {"goes on", {"resume", "voice"}, NULL, 0, {"voice: goes on"}, {NULL}},
        {"without a reason", {"pause", "voice"}, NULL, 0, {"voice: paused"}, {NULL}},
        {"goes on again", {"resume", "voice"}, NULL, 0, {"voice: goes on"}, {NULL}},
        {"no reason is told", {"audit", "--queue", "voice", "--limit", "2"}, NULL, 0, {"  pause      -  -    -\n", "  paused by "}, {NULL}},
        {"audit", {"audit", "--queue", "sms"}, NULL, 0, {"pause", "lunch", "resume", "rate 5, concurrency as configured", "rate 5, concurrency 7", "drain"}, {NULL}},
    };
    static const struct cli_row busy[] = {
        {"not in time", {"drain", "sms", "--timeout", "300ms"}, NULL, 1, {NULL}, {"not done in time with 1 in flight; the queues stay paused"}},
    };
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
    cr_expect_eq(number("XLEN bellhop:{sms}:%s", "audit"), 6, "what changed nothing is no line");
    cli_jobs_put_usual();
    cli_jobs_check(busy, BH_ARRAY_LEN(busy));
    cr_expect_eq(number("HEXISTS bellhop:{sms}:control %s", "paused"), 1);
}

/* clang-format on */

Test(steer, changes_many_by_calls_of_64_and_audits_one_line)
{
    struct run_result result;
    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof(id), "many-%d", i);
        cli_jobs_put(&(struct cli_job){.id = id,
                                       .place = "due",
                                       .waiting = 'r',
                                       .attempts = 1,
                                       .in_ms = 600000,
                                       .state = "retrying"});
    }
    cli_run((const char *const[]){"hold", "id~many-*", "--yes", NULL}, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_str_eq(result.out, "held: 200 of 200 jobs\n");
    run_release(&result);
    cr_expect_eq(number("XLEN bellhop:{sms}:%s", "audit"), 1);
    cr_expect_eq(number("ZCOUNT bellhop:{sms}:due 253402300799000 %s", "+inf"), 200);
    cli_run((const char *const[]){"audit", "--json", NULL}, NULL, &result);
    cr_expect_not_null(strstr(result.out, "\"count\":200"), "%s", result.out);
    run_release(&result);
    cli_run((const char *const[]){"cancel", "state=held", "--yes", "--json", NULL}, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_eq(cli_jobs_count_json("cancel", result.out), 200);
    run_release(&result);
    cr_expect_eq(number("HLEN bellhop:{sms}:%s", "heads"), 0);
    cr_expect_eq(number("HLEN bellhop:{sms}:%s", "jobs"), 0);
    cr_expect_eq(number("ZCARD bellhop:{sms}:%s", "due"), 0);
}

/* The waiting ends, the pause stays. */
Test(steer, an_interrupt_ends_a_drain_and_nothing_else, .timeout = 60)
{
    static const struct timespec moment = {0, 20000000};
    int status;
    cli_jobs_put_usual();
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        char *const args[] = {(char[]){"bellhop"}, (char[]){"drain"}, NULL};
        char *const environment[] = {stage.config_variable, NULL};
        execve(BH_TEST_BELLHOP, args, environment);
        _exit(127);
    }
    while (number("HEXISTS bellhop:{voice}:control %s", "paused") == 0 &&
           waitpid(pid, &status, WNOHANG) == 0)
        (void)nanosleep(&moment, NULL);
    cr_assert_eq(kill(pid, SIGINT), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d", status);
    cr_expect_eq(number("HEXISTS bellhop:{sms}:control %s", "paused"), 1);
}
