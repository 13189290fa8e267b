/* hooks check: do delivery reports find their way here? */
#include <stdio.h>
#include <string.h>

#include "cli/diagnosis_print.h"
#include "cli/doctor.h"
#include "cli/hooks.h"
#include "core/alloc.h"
#include "core/diagnose_hooks.h"

struct reach {
    struct bh_diagnosis *diagnosis;
    const struct bh_webhook_facts *facts;
};

static void
reach_on_answer(void *arg, const struct bh_exchange *exchange)
{
    const struct reach *reach = arg;
    bh_diagnose_webhook_reach(reach->diagnosis, reach->facts, exchange);
}

static void
check_reach(struct bh_hooks *hooks, struct bh_diagnosis *diagnosis,
            const struct bh_webhook_facts *facts)
{
    struct reach reach = {diagnosis, facts};
    struct bh_gateway_line *line;
    if (bh_gateway_line_open_elsewhere(hooks->cli, &line) != BH_EXIT_DONE)
        return;
    bh_gateway_line_get(line, bh_buf_text(&hooks->address), reach_on_answer, &reach);
    bh_gateway_line_close(line);
}

/* The own endpoint, where the daemon runs on this machine; elsewhere that says nothing. */
static void
check_endpoint(const struct bh_hooks *hooks, struct bh_diagnosis *diagnosis)
{
    const struct bh_config_listen *listen = &hooks->cli->config->http.listen;
    char problem[128] = "";
    if (listen->port == 0)
        return;
    int status = bh_doctor_ask_health(listen->host, listen->port, problem, sizeof(problem));
    if (status == 200)
        bh_diagnose(diagnosis, BH_GRADE_OK, "listen", "%s port %u: bellhopd answers.", listen->host,
                    listen->port);
    else if (status != 0)
        bh_diagnose(diagnosis, BH_GRADE_RISK, "listen", "%s port %u: /healthz answers %d.",
                    listen->host, listen->port, status);
    else
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "listen",
                    "%s port %u: nothing answers (%s); bellhopd does not seem to run here.",
                    listen->host, listen->port, problem);
    if (status != 200)
        bh_diagnose_cure(diagnosis, "systemctl status bellhopd");
}

static enum bh_exit
examine(struct bh_hooks *hooks, struct bh_diagnosis *diagnosis)
{
    const struct bh_webhook_facts facts = bh_webhook_facts_from(hooks->cli->config);
    struct bh_hooks_answer list;
    bool makes_sense = bh_diagnose_webhook_settings(diagnosis, &facts);
    check_endpoint(hooks, diagnosis);
    if (!makes_sense)
        return BH_EXIT_DONE;
    enum bh_exit result =
        bh_hooks_ask(hooks, &(struct bh_gateway_hooks_query){.action = BH_HOOKS_READ}, &list);
    if (result != BH_EXIT_DONE)
        return result;
    bh_diagnose_webhook_list(diagnosis, &facts, &list, bh_buf_text(&hooks->address));
    bh_hooks_answer_release(&list);
    check_reach(hooks, diagnosis, &facts);
    return BH_EXIT_DONE;
}

enum bh_exit
bh_hooks_check(struct bh_hooks *hooks)
{
    struct bh_diagnosis *diagnosis = bh_alloc_zero(sizeof(*diagnosis));
    size_t printed = 0;
    if (diagnosis == NULL)
        return bh_cli_fail("short of memory");
    enum bh_exit result = examine(hooks, diagnosis);
    if (bh_diagnosis_print(hooks->cli, diagnosis, &printed) != BH_OK)
        result = bh_cli_fail("short of memory");
    bh_diagnosis_print_summary(hooks->cli, diagnosis, "reports find their way here.",
                               "reports may not find their way here.",
                               "reports do not find their way here.");
    if (result == BH_EXIT_DONE && diagnosis->counts[BH_GRADE_BAD] > 0)
        result = BH_EXIT_FAILED;
    bh_free(diagnosis);
    return result;
}
