#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/log_line.h"
#include "core/utf8.h"

/* 2026-03-29 01:00:00.042 UTC, the moment at which Berlin's clocks go from 02:00 to 03:00. */
#define AT_MS 1774746000042

/* A view in a table; BH_STR_LITERAL is no constant expression in strict C11. */
#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static char *
format(const struct bh_log_line *line, enum bh_log_format form, bool journal)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1 << 20);
    cr_assert_eq(bh_log_line_format(line, form, journal, &buf), BH_OK);
    return bh_buf_take(&buf);
}

static void
expect(const struct bh_log_line *line, const char *text, const char *json)
{
    char *got = format(line, BH_LOG_TEXT, false);
    cr_expect_str_eq(got, text, "got    %swanted %s", got, text);
    bh_free(got);
    got = format(line, BH_LOG_JSON, false);
    cr_expect_str_eq(got, json, "got    %swanted %s", got, json);
    bh_free(got);
}

Test(log_line, shows_every_type_in_both_formats)
{
    const struct bh_log_field fields[] = {
        bh_log_text("job", "4f2a"),      bh_log_int("attempt", -2),
        bh_log_duration("delay", 40000), bh_log_duration("took", 1250),
        bh_log_bool("held", false),      bh_log_bool("last", true),
        bh_log_text("reason", NULL),     bh_log_text("to", "49*********678"),
        bh_log_int("big", INT64_MIN),
    };
    const struct bh_log_line line = {
        .level = BH_LOG_WARN,
        .at = {AT_MS},
        .zone_offset_s = 7200,
        .event = "job_retrying",
        .message = BH_STR_LITERAL("Will retry in 40 s."),
        .fields = fields,
        .fields_count = sizeof(fields) / sizeof(fields[0]),
    };
    expect(
        &line,
        "2026-03-29T03:00:00.042+02:00 warn  job_retrying job=4f2a attempt=-2 delay=40s "
        "took=1250ms "
        "held=no last=yes reason=\"\" to=49*********678 big=-9223372036854775808 "
        "msg=\"Will retry in 40 s.\"\n",
        "{\"time\":\"2026-03-29T03:00:00.042+02:00\",\"level\":\"warn\",\"event\":\"job_retrying\","
        "\"job\":\"4f2a\",\"attempt\":-2,\"delay_ms\":40000,\"took_ms\":1250,\"held\":false,"
        "\"last\":true,\"reason\":\"\",\"to\":\"49*********678\",\"big\":-9223372036854775808,"
        "\"msg\":\"Will retry in 40 s.\"}\n");
}

Test(log_line, needs_neither_fields_nor_message)
{
    const struct bh_log_line line = {.level = BH_LOG_INFO, .at = {AT_MS}, .event = "ready"};
    expect(&line, "2026-03-29T01:00:00.042+00:00 info  ready\n",
           "{\"time\":\"2026-03-29T01:00:00.042+00:00\",\"level\":\"info\",\"event\":\"ready\"}\n");
}

Test(log_line, quotes_and_escapes_what_strangers_send)
{
    static const struct {
        struct bh_str value;
        const char *text;
        const char *json; /* NULL: the same */
    } rows[] = {
        {TEXT("plain-1.2:3/4@x,*"),              "plain-1.2:3/4@x,*",                        "\"plain-1.2:3/4@x,*\""},
        {TEXT(""),                               "\"\"",                                     NULL                   },
        {TEXT(" "),                              "\" \"",                                    NULL                   },
        {TEXT("a b"),                            "\"a b\"",                                  NULL                   },
        {TEXT("a=b"),                            "\"a=b\"",                                  NULL                   },
        {TEXT("\"a\""),                          "\"\\\"a\\\"\"",                            NULL                   },
        {TEXT("a\\"),                            "\"a\\\\\"",                                NULL                   },
        {TEXT("x\n2026-01-01 error forged=yes"), "\"x\\n2026-01-01 error forged=yes\"",      NULL                   },
        {TEXT("\r\t"),                           "\"\\r\\t\"",                               NULL                   },
        {TEXT("a\0b"),                           "\"a\\u0000b\"",                            NULL                   },
        {TEXT("\x1B[2J"),                        "\"\\u001b[2J\"",                           NULL                   },
        {TEXT("\x7F"),                           "\"\\u007f\"",                              NULL                   },
        {TEXT("\xC2\x9B"
              "31m"),
         "\"\\u009b31m\"",                                                                   NULL                   },
        {TEXT("\xE2\x80\xAE"
              "abc"),
         "\"\\u202eabc\"",                                                                   NULL                   },
        {TEXT("\xE2\x80\xA8"),                   "\"\\u2028\"",                              NULL                   },
        {TEXT("\xE2\x81\xA6"),                   "\"\\u2066\"",                              NULL                   },
        {TEXT("M\xC3\xBCller"),                  "\"M\xC3\xBCller\"",                        NULL                   },
        {TEXT("\xF0\x9F\x98\x80"),               "\"\xF0\x9F\x98\x80\"",                     NULL                   },
        {TEXT("M\xFCller"),                      "\"M\xEF\xBF\xBDller\"",                    NULL                   },
        {TEXT("\xE2\x82"),                       "\"\xEF\xBF\xBD\xEF\xBF\xBD\"",             NULL                   },
        {TEXT("\xED\xA0\x80"),                   "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"", NULL                   },
        {TEXT("%s%n"),                           "%s%n",                                     "\"%s%n\""             },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct bh_log_field field = bh_log_string("v", rows[i].value);
        const struct bh_log_line line = {
            .level = BH_LOG_ERROR, .at = {0}, .event = "e", .fields = &field, .fields_count = 1};
        char text[200], json[200];
        snprintf(text, sizeof(text), "1970-01-01T00:00:00.000+00:00 error e v=%s\n", rows[i].text);
        snprintf(json, sizeof(json),
                 "{\"time\":\"1970-01-01T00:00:00.000+00:00\",\"level\":\"error\",\"event\":\"e\","
                 "\"v\":%s}\n",
                 rows[i].json != NULL ? rows[i].json : rows[i].text);
        expect(&line, text, json);
    }
}

Test(log_line, a_message_is_always_quoted_and_as_safe_as_a_field)
{
    const struct bh_log_line line = {
        .level = BH_LOG_DEBUG, .at = {0}, .event = "e", .message = BH_STR_LITERAL("ok\n\xFF")};
    expect(&line, "1970-01-01T00:00:00.000+00:00 debug e msg=\"ok\\n\xEF\xBF\xBD\"\n",
           "{\"time\":\"1970-01-01T00:00:00.000+00:00\",\"level\":\"debug\",\"event\":\"e\","
           "\"msg\":\"ok\\n\xEF\xBF\xBD\"}\n");
}

Test(log_line, shows_times_of_any_kind)
{
    static const struct {
        int64_t at_ms;
        int32_t offset_s;
        const char *wanted;
    } rows[] = {
        {0,            -12600,    "1969-12-31T20:30:00.000-03:30"},
        {-1,           0,         "1969-12-31T23:59:59.999+00:00"},
        {-1,           20700,     "1970-01-01T05:44:59.999+05:45"},
        {951782400000, 0,         "2000-02-29T00:00:00.000+00:00"},
        {0,            3599,      "1970-01-01T00:59:00.000+00:59"},
        {0,            -59,       "1970-01-01T00:00:00.000+00:00"},
        {0,            64800,     "1970-01-01T18:00:00.000+18:00"},
        {0,            INT32_MAX, "1970-01-01T18:00:00.000+18:00"},
        {0,            INT32_MIN, "1969-12-31T06:00:00.000-18:00"},
        {INT64_MAX,    0,         "9999-12-31T23:59:59.999+00:00"},
        {INT64_MAX,    7200,      "9999-12-31T23:59:59.999+02:00"},
        {INT64_MIN,    0,         "0001-01-01T00:00:00.000+00:00"},
        {INT64_MIN,    -64800,    "0001-01-01T00:00:00.000-18:00"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct bh_log_line line = {.level = BH_LOG_INFO,
                                         .at = {rows[i].at_ms},
                                         .zone_offset_s = rows[i].offset_s,
                                         .event = "e"};
        char *got = format(&line, BH_LOG_TEXT, false);
        cr_expect_eq(strncmp(got, rows[i].wanted, strlen(rows[i].wanted)), 0, "got %swanted %s",
                     got, rows[i].wanted);
        bh_free(got);
    }
}

Test(log_line, cuts_long_values_between_characters)
{
    static char bytes[3 * BH_LOG_VALUE_MAX];
    static const char *const fillers[] = {"x", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                          "\x80"};
    for (size_t f = 0; f < sizeof(fillers) / sizeof(fillers[0]); f++) {
        size_t width = strlen(fillers[f]);
        for (size_t i = 0; i + width <= sizeof(bytes); i += width)
            memcpy(bytes + i, fillers[f], width);
        for (size_t len = BH_LOG_VALUE_MAX; len <= BH_LOG_VALUE_MAX + 4; len += 4) {
            const struct bh_log_field field =
                bh_log_string("v", (struct bh_str){bytes, len / width * width});
            const struct bh_log_line line = {
                .level = BH_LOG_INFO, .event = "e", .fields = &field, .fields_count = 1};
            char *got = format(&line, BH_LOG_JSON, false);
            bool cut = field.string.len > BH_LOG_VALUE_MAX;
            cr_expect_eq(strstr(got, "...\"}\n") != NULL, cut, "%zu %zu", f, len);
            cr_expect(bh_utf8_is_valid(bh_str_from(got)), "%zu %zu", f, len);
            /* Only bytes that were never valid may have been replaced. */
            cr_expect_eq(strstr(got, "\xEF\xBF\xBD") != NULL, f == 4, "%zu %zu", f, len);
            bh_free(got);
        }
    }
}

Test(log_line, tells_the_journal_its_priority)
{
    static const struct {
        enum bh_log_level level;
        const char *wanted;
        const char *name;
    } rows[] = {
        {BH_LOG_ERROR, "<3>1970", "error"},
        {BH_LOG_WARN,  "<4>1970", "warn" },
        {BH_LOG_INFO,  "<6>1970", "info" },
        {BH_LOG_DEBUG, "<7>1970", "debug"}
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct bh_log_line line = {.level = rows[i].level, .event = "e"};
        char *got = format(&line, BH_LOG_TEXT, true);
        cr_expect_eq(strncmp(got, rows[i].wanted, 7), 0, "%s", got);
        cr_expect_str_eq(bh_log_level_name(rows[i].level), rows[i].name);
        bh_free(got);
    }
}

Test(log_line, loses_a_whole_line_or_none)
{
    const struct bh_log_line line = {
        .level = BH_LOG_INFO, .event = "event", .message = BH_STR_LITERAL("A sentence.")};
    char *whole = format(&line, BH_LOG_TEXT, true);
    size_t len = strlen(whole);
    for (size_t room = 0; room <= len; room++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 4 + room);
        bh_buf_append_text(&buf, "old\n");
        enum bh_status status = bh_log_line_format(&line, BH_LOG_TEXT, true, &buf);
        cr_expect_eq(status, room == len ? BH_OK : BH_ETOOBIG, "%zu", room);
        cr_expect_eq(buf.len, room == len ? 4 + len : 4, "%zu", room);
        cr_expect_eq(strncmp(bh_buf_text(&buf), "old\n", 4), 0);
        cr_expect_eq(bh_buf_status(&buf), BH_OK);
        bh_buf_release(&buf);
    }
    bh_free(whole);
}
