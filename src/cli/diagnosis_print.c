#include "cli/diagnosis_print.h"

#include <stdio.h>

#include "cli/display.h"
#include "core/json.h"

#define LINE_MAX     ((size_t)16 * 1024)
#define TOPIC_COLUMN 6
#define TEXT_COLUMN  21

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

enum bh_status
bh_diagnosis_print(const struct bh_cli *cli, const struct bh_diagnosis *diagnosis, size_t *printed)
{
    struct bh_buf text;
    enum bh_status status = BH_OK;
    bh_buf_init(&text, LINE_MAX);
    for (; *printed < diagnosis->count && status == BH_OK; (*printed)++) {
        const struct bh_diagnosis_line *line = &diagnosis->lines[*printed];
        bh_buf_clear(&text);
        if (cli->json)
            append_json(&text, line);
        else
            append_for_people(&text, line, cli->colour);
        status = bh_buf_status(&text);
        fputs(bh_buf_text(&text), stdout);
    }
    fflush(stdout); /* a failure is seen when the program ends */
    bh_buf_release(&text);
    return status;
}

void
bh_diagnosis_print_summary(const struct bh_cli *cli, const struct bh_diagnosis *diagnosis,
                           const char *good, const char *risky, const char *bad)
{
    const size_t *counts = diagnosis->counts;
    if (cli->json) {
        printf("{\"ok\":%zu,\"note\":%zu,\"risk\":%zu,\"bad\":%zu,\"left_out\":%zu}\n",
               counts[BH_GRADE_OK], counts[BH_GRADE_NOTE], counts[BH_GRADE_RISK],
               counts[BH_GRADE_BAD], diagnosis->left_out);
        return;
    }
    printf("\n%zu ok, %zu to note, %zu at risk, %zu bad: %s\n", counts[BH_GRADE_OK],
           counts[BH_GRADE_NOTE], counts[BH_GRADE_RISK], counts[BH_GRADE_BAD],
           counts[BH_GRADE_BAD] > 0    ? bad
           : counts[BH_GRADE_RISK] > 0 ? risky
                                       : good);
    if (diagnosis->left_out > 0)
        printf("%zu lines were left out.\n", diagnosis->left_out);
}
