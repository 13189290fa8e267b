#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/ini.h"

/* What reading gives, one item per line: "S line:column section name", "V line:column:column section name|key|value", "F line:column". */
static void
describe(struct bh_str bytes, struct bh_buf *out, bool with_sentences)
{
    struct bh_ini ini;
    struct bh_ini_item item;
    bh_ini_init(&ini, bytes);
    while (bh_ini_next(&ini, &item) != BH_INI_END) {
        if (item.kind == BH_INI_SECTION)
            bh_buf_printf(out, "S %u:%u %.*s/%.*s\n", item.line, item.column,
                          BH_STR_ARGS(item.section), BH_STR_ARGS(item.name));
        else if (item.kind == BH_INI_VALUE)
            bh_buf_printf(out, "V %u:%u:%u %.*s/%.*s|%.*s|%.*s\n", item.line, item.column,
                          item.value_column, BH_STR_ARGS(item.section), BH_STR_ARGS(item.name),
                          BH_STR_ARGS(item.key), BH_STR_ARGS(item.value));
        else
            bh_buf_printf(out, "F %u:%u %s\n", item.line, item.column,
                          with_sentences ? item.fault.text : "");
    }
    cr_assert_eq(bh_buf_status(out), BH_OK);
}

struct row {
    const char *name;
    struct bh_str input;
    const char *wanted;
};

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static void
run(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bh_buf out;
        bh_buf_init(&out, 1 << 20);
        describe(rows[i].input, &out, false);
        cr_expect_str_eq(bh_buf_text(&out), rows[i].wanted, "%s: got\n%swanted\n%s", rows[i].name,
                         bh_buf_text(&out), rows[i].wanted);
        bh_buf_release(&out);
    }
}

Test(ini, reads_sections_and_values_exactly)
{
    static const struct row rows[] = {
        {"nothing",                               {NULL, 0},                          ""                                        },
        {"blank lines",                           TEXT("\n \n\t\r\n"),                ""                                        },
        {"comments",                              TEXT("# a = b\n  ; [c]\n#"),        ""                                        },
        {"no final line feed",                    TEXT("[a]\nk=v"),                   "S 1:2 a/\nV 2:1:3 a/|k|v\n"              },
        {"crlf",                                  TEXT("[a]\r\nk = v\r\n"),           "S 1:2 a/\nV 2:1:5 a/|k|v\n"              },
        {"blanks everywhere",                     TEXT(" [ a ] \n\t k\t =\t v w \t"), "S 1:4 a/\nV 2:3:9 a/|k|v w\n"            },
        {"named section",                         TEXT("[queue  sms]"),               "S 1:2 queue/sms\n"                       },
        {"name of two words",                     TEXT("[queue a b]"),                "S 1:2 queue/a b\n"                       },
        {"empty value",                           TEXT("[a]\nk =\nl = \n"),           "S 1:2 a/\nV 2:1:4 a/|k|\nV 3:1:4 a/|l|\n"},
        {"semicolon in value",                    TEXT("[a]\nk = x ;y # z"),          "S 1:2 a/\nV 2:1:5 a/|k|x ;y # z\n"       },
        {"value begins with ;",                   TEXT("[a]\nk = ;y"),                "S 1:2 a/\nV 2:1:5 a/|k|;y\n"             },
        {"equals in value",                       TEXT("[a]\nk = a=b=="),             "S 1:2 a/\nV 2:1:5 a/|k|a=b==\n"          },
        {"quotes stay",                           TEXT("[a]\nk = \" v \""),           "S 1:2 a/\nV 2:1:5 a/|k|\" v \"\n"        },
        {"backslash stays",                       TEXT("[a]\nk = v\\\nl = w"),
         "S 1:2 a/\nV 2:1:5 a/|k|v\\\nV 3:1:5 a/|l|w\n"                                                                         },
        {"bracket in value",                      TEXT("[a]\nk = [b]"),               "S 1:2 a/\nV 2:1:5 a/|k|[b]\n"            },
        {"characters count",                      TEXT("[a]\nk = \xC3\xA4\xC3\xB6"),
         "S 1:2 a/\nV 2:1:5 a/|k|\xC3\xA4\xC3\xB6\n"                                                                            },
        {"repeats are passed on",                 TEXT("[a]\nk=1\nk=2\n[a]"),
         "S 1:2 a/\nV 2:1:3 a/|k|1\nV 3:1:3 a/|k|2\nS 4:2 a/\n"                                                                 },
        {"an indented pair is a pair of its own", TEXT("[a]\nk = 1\n  l = 2"),
         "S 1:2 a/\nV 2:1:5 a/|k|1\nV 3:3:7 a/|l|2\n"                                                                           },
    };
    run(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(ini, says_where_each_fault_is_and_goes_on)
{
    static const struct row rows[] = {
        {"no bracket",                                       TEXT("[a\nk=v\n[b]\nl=w"),             "F 1:3 \nS 3:2 b/\nV 4:1:3 b/|l|w\n" },
        {"only a bracket",                                   TEXT("["),                             "F 1:2 \n"                           },
        {"no name",                                          TEXT("[]"),                            "F 1:1 \n"                           },
        {"blank name",                                       TEXT("[ \t]\nk=v"),                    "F 1:1 \n"                           },
        {"comment behind header",                            TEXT("[a] ; x\nk=v"),                  "F 1:4 \n"                           },
        {"two brackets",                                     TEXT("[a]]"),                          "F 1:4 \n"                           },
        {"broken header does not extend the section before", TEXT("[a]\n[b\nk=v"),
         "S 1:2 a/\nF 2:3 \n"                                                                                                            },
        {"unreadable header neither",                        TEXT("[a]\n[b\x01]\nk=v"),             "S 1:2 a/\nF 2:3 \n"                 },
        {"key before a section",                             TEXT("k = v\nl = w\n[a]"),             "F 1:1 \nF 2:1 \nS 3:2 a/\n"         },
        {"no equals",                                        TEXT("[a]\nkey value"),                "S 1:2 a/\nF 2:1 \n"                 },
        {"continued value",                                  TEXT("[a]\nk = 1,\n    2, 3"),         "S 1:2 a/\nV 2:1:5 a/|k|1,\nF 3:5 \n"},
        {"no key",                                           TEXT("[a]\n = v\n=="),                 "S 1:2 a/\nF 2:2 \nF 3:1 \n"         },
        {"blank in key",                                     TEXT("[a]\na b = v"),                  "S 1:2 a/\nF 2:2 \n"                 },
        {"umlaut in key",                                    TEXT("[a]\n\xC3\xA4x = v"),            "S 1:2 a/\nF 2:1 \n"                 },
        {"byte order mark",                                  TEXT("\xEF\xBB\xBF[a]\nk=v"),          "F 1:1 \nS 1:2 a/\nV 2:1:3 a/|k|v\n" },
        {"two marks",                                        TEXT("\xEF\xBB\xBF\xEF\xBB\xBF[a]\n"), "F 1:1 \nF 1:1 \n"                   },
        {"only a mark",                                      TEXT("\xEF\xBB\xBF"),                  "F 1:1 \n"                           },
        {"utf-16 little",                                    TEXT("\xFF\xFE[\0a\0]\0"),             "F 1:1 \n"                           },
        {"utf-16 big",                                       TEXT("\xFE\xFF\0[\0a\0]"),             "F 1:1 \n"                           },
        {"nul in value",                                     TEXT("[a]\nk = v\0w\nl=1"),            "S 1:2 a/\nF 2:6 \nV 3:1:3 a/|l|1\n" },
        {"nul in comment",                                   TEXT("# \0"),                          "F 1:3 \n"                           },
        {"escape sequence",                                  TEXT("[a]\nk = \x1B[2J"),              "S 1:2 a/\nF 2:5 \n"                 },
        {"delete",                                           TEXT("[a]\nk = a\x7F"),                "S 1:2 a/\nF 2:6 \n"                 },
        {"c1 control",                                       TEXT("[a]\nk = \xC3\xA4\xC2\x9B"),     "S 1:2 a/\nF 2:6 \n"                 },
        {"cr inside a line",                                 TEXT("[a]\nk = v\rl = w\n"),           "S 1:2 a/\nF 2:6 \n"                 },
        {"two crs at the end",                               TEXT("[a]\r\r\n"),                     "F 1:4 \n"                           },
        {"old mac line ends",                                TEXT("[a]\rk=v\r"),                    "F 1:4 \n"                           },
        {"latin-1",                                          TEXT("[a]\nk = M\xFCller\nl=1"),       "S 1:2 a/\nF 2:6 \nV 3:1:3 a/|l|1\n" },
        {"cut character",                                    TEXT("[a]\nk = \xE2\x82"),             "S 1:2 a/\nF 2:5 \n"                 },
        {"overlong slash",                                   TEXT("[a]\nk = \xC0\xAF"),             "S 1:2 a/\nF 2:5 \n"                 },
        {"surrogate",                                        TEXT("[a]\nk = \xED\xA0\x80"),         "S 1:2 a/\nF 2:5 \n"                 },
        {"control before bad utf-8",                         TEXT("\x01\xFF"),                      "F 1:1 \n"                           },
    };
    run(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(ini, takes_a_line_of_4096_bytes_and_no_more)
{
    for (size_t len = BH_INI_LINE_MAX - 1; len <= BH_INI_LINE_MAX + 1; len++) {
        struct bh_buf in, out;
        bh_buf_init(&in, 1 << 16);
        bh_buf_init(&out, 1 << 16);
        bh_buf_append_text(&in, "[a]\nk=");
        for (size_t i = 2; i < len; i++)
            bh_buf_append_char(&in, 'x');
        bh_buf_append_text(&in, "\r\nl=1\n");
        describe(bh_buf_str(&in), &out, false);
        bool faulty = strstr(bh_buf_text(&out), "F 2:4097") != NULL;
        cr_expect_eq(faulty, len > BH_INI_LINE_MAX, "%zu", len);
        cr_expect(strstr(bh_buf_text(&out), "V 3:1:3 a/|l|1\n") != NULL, "%zu", len);
        bh_buf_release(&in);
        bh_buf_release(&out);
    }
}

Test(ini, takes_a_key_of_64_characters_and_no_more)
{
    char text[128];
    for (int len = 64; len <= 65; len++) {
        struct bh_buf out;
        bh_buf_init(&out, 1 << 16);
        snprintf(text, sizeof(text), "[a]\n%0*d=v", len, 7);
        describe(bh_str_from(text), &out, false);
        cr_expect_eq(strstr(bh_buf_text(&out), "F 2:1") != NULL, len == 65, "%d", len);
        bh_buf_release(&out);
    }
}

Test(ini, faults_are_told_in_words)
{
    struct bh_buf out;
    bh_buf_init(&out, 1 << 16);
    describe(bh_str_from("k = v\n[a\n[b] x\n[c]\nfoo\n=1\na$b=1\n\x01\n\xFF\n"), &out, true);
    struct bh_str rest = bh_buf_str(&out), line;
    size_t faults = 0;
    while (bh_str_split(&rest, '\n', &line) && line.len > 0) {
        if (line.ptr[0] != 'F')
            continue;
        faults++;
        cr_expect_neq(line.ptr[line.len - 1], '.', "%.*s", BH_STR_ARGS(line));
        cr_expect_gt(line.len, 20, "%.*s", BH_STR_ARGS(line));
    }
    cr_expect_eq(faults, 8);
    bh_buf_release(&out);
}

Test(ini, stays_at_the_end)
{
    struct bh_ini ini;
    struct bh_ini_item item;
    bh_ini_init(&ini, bh_str_from("[a]"));
    cr_expect_eq(bh_ini_next(&ini, &item), BH_INI_SECTION);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(bh_ini_next(&ini, &item), BH_INI_END);
    cr_expect_eq(item.line, 0);
}
