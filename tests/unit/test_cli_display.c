#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/display.h"
#include "cli/table.h"

Test(cli_display, spans_name_two_units)
{
    static const struct {
        bh_ms span;
        const char *wanted;
    } rows[] = {
        {0,                                "0 ms"          },
        {1,                                "1 ms"          },
        {999,                              "999 ms"        },
        {1000,                             "1 s"           },
        {1999,                             "1 s"           },
        {59999,                            "59 s"          },
        {60000,                            "1 min"         },
        {61000,                            "1 min 1 s"     },
        {3599999,                          "59 min 59 s"   },
        {3600000,                          "1 h"           },
        {3661000,                          "1 h 1 min"     },
        {BH_DAY_MS - 1,                    "23 h 59 min"   },
        {BH_DAY_MS,                        "1 d"           },
        {7 * BH_DAY_MS + 3 * BH_HOUR_MS,   "7 d 3 h"       },
        {400 * BH_DAY_MS + 3 * BH_HOUR_MS, "400 d"         },
        {-61000,                           "1 min 1 s"     },
        {INT64_MAX,                        "106751991167 d"},
        {INT64_MIN,                        "106751991167 d"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_str_eq(bh_display_span(rows[i].span).text, rows[i].wanted, "%lld: %s",
                         (long long)rows[i].span, bh_display_span(rows[i].span).text);
}

Test(cli_display, sizes_have_one_decimal)
{
    cr_expect_str_eq(bh_display_bytes(0).text, "0 B");
    cr_expect_str_eq(bh_display_bytes(1023).text, "1023 B");
    cr_expect_str_eq(bh_display_bytes(1536).text, "1.5 KiB");
    cr_expect_str_eq(bh_display_bytes((int64_t)3 * 1024 * 1024 * 1024).text, "3.0 GiB");
}

Test(cli_display, times_are_local)
{
    setenv("TZ", "Etc/GMT-2", 1);
    tzset();
    cr_expect_str_eq(bh_display_time((struct bh_wall){1709287205000}).text, "2024-03-01 12:00:05");
    cr_expect_str_neq(bh_display_time((struct bh_wall){INT64_MAX}).text, "");
    cr_expect_str_neq(bh_display_time((struct bh_wall){INT64_MIN}).text, "");
}

Test(cli_display, nothing_steers_the_terminal)
{
    static const struct {
        const char *name;
        const char *text;
        const char *wanted;
    } rows[] = {
        {"plain",             "hello",                      "hello"                     },
        {"umlauts and emoji", "Gr\u00FC\u00DFe \U0001F389", "Gr\u00FC\u00DFe \U0001F389"},
        {"colour",            "\033[31mred",                "?[31mred"                  },
        {"line end and tab",  "a\nb\tc\r",                  "a?b?c?"                    },
        {"delete",            "a\177b",                     "a?b"                       },
        {"C1 as a character",
         "a\xC2\x9B"
         "31m",                                             "a?31m"                     },
        {"C1 as a byte",
         "a\x9B"
         "31m",                                             "a?31m"                     },
        {"turned direction",
         "a\xE2\x80\xAE"
         "b",                                               "a?b"                       },
        {"isolate",
         "a\xE2\x81\xA6"
         "b",                                               "a?b"                       },
        {"line separator",
         "a\xE2\x80\xA8"
         "b",                                               "a?b"                       },
        {"overlong",          "\xC0\xAF",                   "??"                        },
        {"cut",               "a\xE2\x82",                  "a??"                       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 100);
        cr_assert_eq(bh_display_append(&buf, bh_str_from(rows[i].text)), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted, "%s: %s", rows[i].name,
                         bh_buf_text(&buf));
        bh_buf_release(&buf);
    }
}

/* What the table prints, as text. */
static void
print(const struct bh_table *table, bool colour, char *text, size_t size)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    cr_assert_eq(bh_table_print(table, file, colour), BH_OK);
    rewind(file);
    size_t len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
}

Test(cli_display, tables_align_by_characters)
{
    struct bh_table table;
    char text[256];
    bh_table_init(&table, 3, 1U << 1);
    bh_table_add(&table, BH_STYLE_DIM, "A");
    bh_table_add(&table, BH_STYLE_DIM, "COUNT");
    bh_table_add(&table, BH_STYLE_DIM, "C");
    bh_table_add(&table, BH_STYLE_PLAIN, "\u00FC\u00FC\u00FC");
    bh_table_add_count(&table, BH_STYLE_GOOD, 7);
    bh_table_add(&table, BH_STYLE_PLAIN, "long last cell");
    bh_table_add(&table, BH_STYLE_PLAIN, "b");
    bh_table_add_count(&table, BH_STYLE_GOOD, 0);
    bh_table_add(&table, BH_STYLE_PLAIN, "x");
    print(&table, false, text, sizeof(text));
    cr_expect_str_eq(text, "A    COUNT  C\n\u00FC\u00FC\u00FC      7  long last cell\n"
                           "b        -  x\n");
    print(&table, true, text, sizeof(text));
    cr_expect_not_null(strstr(text, "    \033[32m7\033[0m"), "%s", text);
    bh_table_release(&table);
}
