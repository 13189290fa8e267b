/*
 * doctor: look at everything that Bellhop depends on, and say what to change.
 *
 * Nothing is changed and nothing is sent by it: Redis is read, the gateway is asked for balance, journal and webhooks only.
 */
#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/diagnosis_print.h"
#include "core/alloc.h"

struct doctor_options {
    bool offline;
    const char *unit;
};

static const struct bh_option doctor_option_rows[] = {
    {"offline", BH_OPTION_FLAG, NULL,   "leave out all that goes to the gateway",
     offsetof(struct doctor_options, offline)},
    {"unit",    BH_OPTION_TEXT, "UNIT", "the service's unit; else bellhopd.service",
     offsetof(struct doctor_options, unit)   },
};

/* ---- The configuration ---- */

/* The last part of "FILE:LINE:COLUMN" is where to write; the sentence says what. */
static void
add_messages(struct bh_doctor *doctor, const struct bh_config_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct bh_config_message *message = &report->messages[i];
        enum bh_grade grade = message->severity == BH_CONFIG_ERROR ? BH_GRADE_BAD : BH_GRADE_RISK;
        bh_diagnose(doctor->diagnosis, grade, "configuration", "%s: %s", message->where,
                    message->text);
        bh_diagnose_cure(doctor->diagnosis, "edit %s", message->where);
    }
    size_t all = report->errors + report->warnings;
    if (all > report->count)
        bh_diagnose(doctor->diagnosis, BH_GRADE_BAD, "configuration",
                    "There are %zu more errors and warnings: bellhopd --check-config",
                    all - report->count);
}

static void
examine_configuration(struct bh_doctor *doctor)
{
    struct bh_cli *cli = doctor->cli;
    struct bh_config_report report = {0};
    struct bh_error error;
    doctor->examined = bh_configuration_examine(cli, &report, &error);
    add_messages(doctor, &report);
    if (error.text[0] != '\0')
        bh_diagnose(doctor->diagnosis, BH_GRADE_BAD, "configuration", "%s", error.text);
    else if (doctor->examined.all && cli->config_name == NULL)
        bh_diagnose(doctor->diagnosis, BH_GRADE_BAD, "configuration",
                    "There is no " BH_CLI_CONFIG_DEFAULT ".");
    else if (doctor->examined.all)
        bh_diagnose(doctor->diagnosis, BH_GRADE_OK, "configuration",
                    "%s is good: %zu queue%s, %d worker%s, instance \"%s\".", cli->config_name,
                    cli->config->queues_count, cli->config->queues_count == 1 ? "" : "s",
                    cli->config->pool.workers, cli->config->pool.workers == 1 ? "" : "s",
                    cli->config->pool.instance);
    if (error.text[0] != '\0' || cli->config_name == NULL)
        bh_diagnose_cure(doctor->diagnosis, "bellhop --config FILE doctor");
    if (error.text[0] != '\0')
        bh_diagnose_cure(doctor->diagnosis,
                         "sudo -u bellhop bellhop doctor (if it is not for you)");
    bh_config_report_release(&report);
}

/* ---- The command ---- */

static enum bh_exit
examine(struct bh_doctor *doctor)
{
    static void (*const families[])(struct bh_doctor * doctor) = {
        examine_configuration,
        bh_doctor_redis,
        bh_doctor_gateway,
        bh_doctor_machine,
    };
    size_t printed = 0;
    for (size_t i = 0; i < BH_ARRAY_LEN(families); i++) {
        families[i](doctor);
        if (bh_diagnosis_print(doctor->cli, doctor->diagnosis, &printed) != BH_OK)
            return bh_cli_fail("short of memory");
    }
    bh_diagnosis_print_summary(doctor->cli, doctor->diagnosis, "nothing has to be changed.",
                               "it works, but messages are at risk.",
                               "what is bad has to be changed.");
    return doctor->diagnosis->counts[BH_GRADE_BAD] > 0 ? BH_EXIT_FAILED : BH_EXIT_DONE;
}

static enum bh_exit
doctor_run(struct bh_cli *cli, const void *values, struct bh_operands operands)
{
    const struct doctor_options *options = values;
    if (operands.count > 0)
        return bh_cli_misuse("doctor takes no operands");
    struct bh_doctor doctor = {
        .cli = cli,
        .diagnosis = bh_alloc_zero(sizeof(*doctor.diagnosis)),
        .offline = options->offline,
        .unit = options->unit != NULL ? options->unit : "bellhopd.service",
    };
    if (doctor.unit[0] == '-' || doctor.unit[0] == '\0') {
        bh_free(doctor.diagnosis);
        return bh_cli_misuse("--unit: the name of a unit, such as bellhopd.service");
    }
    if (doctor.diagnosis == NULL)
        return bh_cli_fail("short of memory");
    enum bh_exit result = examine(&doctor);
    bh_free(doctor.diagnosis);
    return result;
}

const struct bh_command_row bh_command_doctor = {
    .name = "doctor",
    .summary = "examine all that Bellhop depends on, and say what to change",
    .usage = "[--offline] [--unit UNIT]",
    .text = "Looks at the configuration, at Redis (persistence, eviction, rights, latency, clock), "
            "at the way\n"
            "to the gateway (DNS, TCP, TLS), at key, balance, journal and webhooks, at what is "
            "known of the "
            "reload lock,\n"
            "at files and their rights, at the service's unit and limits, and at the HTTP "
            "endpoint.  It changes\n"
            "nothing and sends nothing.  Each line says what was found; under what is not ok "
            "stands what to\n"
            "write or to run.\n\n"
            "  ok    nothing to do\n"
            "  note  it may matter, or it could not be found out\n"
            "  risk  it works, but jobs can be lost or doubled, or it will not work for long\n"
            "  bad   it does not work, or a secret lies open\n\n"
            "Run it on the daemon's machine and as its user, who may see the most.\n"
            "exit status: 0 nothing is bad, 1 something is, 2 used wrongly\n\n"
            "examples:\n"
            "  sudo -u bellhop bellhop doctor\n"
            "  bellhop doctor --offline\n"
            "  bellhop doctor --json | jq -r 'select(.verdict == \"bad\") | .change[]'",
    .options = doctor_option_rows,
    .options_count = BH_ARRAY_LEN(doctor_option_rows),
    .options_size = sizeof(struct doctor_options),
    .run = doctor_run,
};
