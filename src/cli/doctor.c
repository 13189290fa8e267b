/*
 * doctor: look at everything that Bellhop depends on, and say what to change.
 *
 * Nothing is changed and nothing is sent by it: Redis is read, the gateway is asked for balance and journal only.
 */
#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "core/alloc.h"
#include "core/json.h"

#define LINE_MAX     ((size_t)16 * 1024)
#define TOPIC_COLUMN 6
#define TEXT_COLUMN  21

struct doctor_options {
    bool offline;
    const char *unit;
};

static const struct bh_option doctor_option_rows[] = {
    {"offline", BH_OPTION_FLAG, NULL,   "leave out all that goes to the gateway",
     offsetof(struct doctor_options, offline)},
    {"unit",    BH_OPTION_TEXT, "NAME", "the service's unit; else bellhopd.service",
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

/* ---- Telling ---- */

static enum bh_style
style_of(enum bh_grade grade)
{
    static const enum bh_style styles[] = {
        [BH_GRADE_OK] = BH_STYLE_GOOD,
        [BH_GRADE_NOTE] = BH_STYLE_PLAIN,
        [BH_GRADE_RISK] = BH_STYLE_WARN,
        [BH_GRADE_BAD] = BH_STYLE_BAD,
    };
    return styles[grade];
}

static void
append_for_people(struct bh_buf *buf, const struct bh_diagnosis_line *line, bool colour)
{
    enum bh_style style = style_of(line->grade);
    (void)bh_buf_printf(buf, "%s%-*s%s%-*s", bh_style_begin(style, colour), TOPIC_COLUMN,
                        bh_grade_name(line->grade), bh_style_end(style, colour),
                        TEXT_COLUMN - TOPIC_COLUMN, line->topic);
    (void)bh_display_append(buf, bh_str_from(line->found));
    (void)bh_buf_append_char(buf, '\n');
    for (size_t i = 0; i < line->cures_count; i++) {
        (void)bh_buf_printf(buf, "%*s-> ", TEXT_COLUMN, "");
        (void)bh_display_append(buf, bh_str_from(line->cures[i]));
        (void)bh_buf_append_char(buf, '\n');
    }
}

static void
append_json(struct bh_buf *buf, const struct bh_diagnosis_line *line)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "verdict", bh_grade_name(line->grade));
    bh_json_put_text(&writer, "topic", line->topic);
    bh_json_put_text(&writer, "found", line->found);
    bh_json_open_array(&writer, "change");
    for (size_t i = 0; i < line->cures_count; i++)
        bh_json_put_text(&writer, NULL, line->cures[i]);
    bh_json_close_array(&writer);
    bh_json_close_object(&writer);
    (void)bh_buf_append_char(buf, '\n');
}

/* Lines from *printed on; what is slow comes later, and the person sees how far it has come. */
static enum bh_status
print_new(const struct bh_doctor *doctor, size_t *printed)
{
    struct bh_buf text;
    enum bh_status status = BH_OK;
    bh_buf_init(&text, LINE_MAX);
    for (; *printed < doctor->diagnosis->count && status == BH_OK; (*printed)++) {
        const struct bh_diagnosis_line *line = &doctor->diagnosis->lines[*printed];
        bh_buf_clear(&text);
        if (doctor->cli->json)
            append_json(&text, line);
        else
            append_for_people(&text, line, doctor->cli->colour);
        status = bh_buf_status(&text);
        fputs(bh_buf_text(&text), stdout);
    }
    fflush(stdout); /* a failure is seen when the program ends */
    bh_buf_release(&text);
    return status;
}

static void
print_summary(const struct bh_doctor *doctor)
{
    const struct bh_diagnosis *diagnosis = doctor->diagnosis;
    const size_t *counts = diagnosis->counts;
    if (doctor->cli->json) {
        printf("{\"ok\":%zu,\"note\":%zu,\"risk\":%zu,\"bad\":%zu,\"left_out\":%zu}\n",
               counts[BH_GRADE_OK], counts[BH_GRADE_NOTE], counts[BH_GRADE_RISK],
               counts[BH_GRADE_BAD], diagnosis->left_out);
        return;
    }
    printf("\n%zu ok, %zu to note, %zu at risk, %zu bad: %s\n", counts[BH_GRADE_OK],
           counts[BH_GRADE_NOTE], counts[BH_GRADE_RISK], counts[BH_GRADE_BAD],
           counts[BH_GRADE_BAD] > 0    ? "what is bad has to be changed."
           : counts[BH_GRADE_RISK] > 0 ? "it works, but messages are at risk."
                                       : "nothing has to be changed.");
    if (diagnosis->left_out > 0)
        printf("%zu lines were left out.\n", diagnosis->left_out);
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
        if (print_new(doctor, &printed) != BH_OK)
            return bh_cli_fail("short of memory");
    }
    print_summary(doctor);
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
    .usage = "[--offline] [--unit NAME]",
    .text = "Looks at the configuration, at Redis (persistence, eviction, rights, latency, clock), "
            "at the way\n"
            "to the gateway (DNS, TCP, TLS), at key, balance and journal, at what is known of the "
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
