/* `bellhop doctor` beside a running bellhopd: it knows the instance, and that the endpoint is the daemon's. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"
#include "support/run_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* With a configuration like the daemon's, but for the port, which the daemon has found itself. */
static struct run_result
examine(struct bh_rig *rig, int port)
{
    static const char *const left[] = {"doctor.ini", "run.in", "run.out", "run.err"};
    const char *path = bh_rig_text(rig, "%s/doctor.ini", rig->dir);
    struct bh_rig_options options = rig->options;
    options.http = bh_rig_text(rig, "listen = 127.0.0.1:%d", port);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(bh_rig_config(rig, &options, 0), file);
    cr_assert_eq(fclose(file), 0);
    const char *const args[] = {"--config", path, "doctor", "--json", NULL};
    const struct run_request request = {
        .program = BH_TEST_BELLHOP,
        .directory = rig->dir,
        .args = args,
        .environment = (const char *const[]){"TERM=xterm", NULL},
    };
    struct run_result result;
    run_program(&request, &result);
    for (size_t i = 0; i < COUNT(left); i++)
        (void)remove(bh_rig_text(rig, "%s/%s", rig->dir, left[i]));
    return result;
}

static void
expect(const struct run_result *result, const char *verdict, const char *topic, const char *piece)
{
    char head[128];
    snprintf(head, sizeof(head), "{\"verdict\":\"%s\",\"topic\":\"%s\"", verdict, topic);
    const char *at = strstr(result->out, head);
    const char *end = at != NULL ? strchr(at, '\n') : NULL;
    const char *found = at != NULL ? strstr(at, piece) : NULL;
    cr_expect(found != NULL && end != NULL && found < end, "no %s of %s with \"%s\": %s%s", verdict,
              topic, piece, result->out, result->err);
}

Test(daemon_doctor, knows_the_daemon_that_runs_here)
{
    const struct bh_rig_options options = {.http = "listen = 127.0.0.1:0"};
    struct bh_rig rig;
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    /* Registered in Redis a moment after it is ready. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "EXISTS bellhop:{@instance:one}") == 1);
    struct run_result result = examine(&rig, port);
    expect(&result, "ok", "instance", "on this machine");
    expect(&result, "ok", "http", "answers 200");
    expect(&result, "ok", "rights", "permitted");
    expect(&result, "ok", "key", "takes the key");
    run_release(&result);

    /* Alive, and does not answer where it should: no mere note. */
    result = examine(&rig, port == 1 ? 2 : 1);
    cr_expect_eq(result.exit_status, 1);
    expect(&result, "bad", "http", "nothing answers");
    run_release(&result);

    /* Gone: the name is free. */
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    result = examine(&rig, port);
    expect(&result, "ok", "instance", "free");
    run_release(&result);
    bh_rig_stop(&rig);
}
