#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/json.h"
#include "core/json_scan.h"
#include "support/scarce_memory.h"

/* Constant, unlike BH_STR_LITERAL; strings with a NUL inside keep it. */
#define ROW(text)                                                                                  \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static enum bh_status
parse(struct bh_str text, enum bh_json_mode mode, struct bh_json **ret_json, struct bh_error *error)
{
    /* An exact copy on the heap, so that reading one byte too many is seen by the sanitizer. */
    static char *copy;
    free(copy);
    copy = malloc(text.len > 0 ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    memset(error, 0, sizeof(*error));
    return bh_json_parse((struct bh_str){copy, text.len}, 1 << 20, mode, ret_json, error);
}

Test(json, refuses_what_is_not_json_and_says_where)
{
    static const struct {
        struct bh_str text;
        const char *wanted;
    } rows[] = {
        {ROW(""),                                                              "not valid JSON at byte 1: the text is empty"               },
        {ROW(" \r\n\t"),                                                       "not valid JSON at byte 5: the text is empty"               },
        {ROW("{"),                                                             "byte 2: a member's name in quotation marks must stand here"},
        {ROW("{}}"),                                                           "byte 3: more text behind the end of the value"             },
        {ROW("{} {}"),                                                         "byte 4: more text behind"                                  },
        {ROW("1 2"),                                                           "byte 3: more text behind"                                  },
        {ROW("{}\0"),                                                          "byte 3: more text behind"                                  },
        {ROW("{,}"),                                                           "byte 2: a member's name"                                   },
        {ROW("{\"a\":1,}"),                                                    "byte 8: a member's name"                                   },
        {ROW("{\"a\" 1}"),                                                     "byte 6: a colon must stand"                                },
        {ROW("{\"a\":}"),                                                      "byte 6: no value starts here"                              },
        {ROW("{\"a\":1 \"b\":2}"),                                             "byte 8: a comma or } must stand here"                      },
        {ROW("{a:1}"),                                                         "byte 2: a member's name"                                   },
        {ROW("{'a':1}"),                                                       "byte 2: a member's name"                                   },
        {ROW("{\"a\":1"),                                                      "byte 7: a comma or }"                                      },
        {ROW("{1:1}"),                                                         "byte 2: a member's name"                                   },
        {ROW("[1,]"),                                                          "byte 4: no value starts here"                              },
        {ROW("[,1]"),                                                          "byte 2: no value starts here"                              },
        {ROW("[1 2]"),                                                         "byte 4: a comma or ] must stand here"                      },
        {ROW("[1"),                                                            "byte 3: a comma or ]"                                      },
        {ROW("["),                                                             "byte 2: the text ends where a value must stand"            },
        {ROW("[}"),                                                            "byte 2: no value starts here"                              },
        {ROW("]"),                                                             "byte 1: no value starts here"                              },
        {ROW("01"),                                                            "byte 2: a number starts with a zero"                       },
        {ROW("-01"),                                                           "byte 3: a number starts with a zero"                       },
        {ROW("00"),                                                            "a number starts with a zero"                               },
        {ROW("-"),                                                             "byte 2: a minus sign without a number"                     },
        {ROW("+1"),                                                            "byte 1: no value starts here"                              },
        {ROW(".5"),                                                            "byte 1: no value starts here"                              },
        {ROW("1."),                                                            "byte 3: a decimal point without a digit"                   },
        {ROW("1.e5"),                                                          "byte 3: a decimal point without a digit"                   },
        {ROW("1e"),                                                            "byte 3: an exponent without a digit"                       },
        {ROW("1e+"),                                                           "byte 4: an exponent without a digit"                       },
        {ROW("0x10"),                                                          "byte 2: more text behind"                                  },
        {ROW("1_000"),                                                         "byte 2: more text behind"                                  },
        {ROW("NaN"),                                                           "byte 1: no value starts here"                              },
        {ROW("Infinity"),                                                      "byte 1: no value starts here"                              },
        {ROW("-Infinity"),                                                     "byte 2: a minus sign without a number"                     },
        {ROW("tru"),                                                           "byte 1: no value starts here"                              },
        {ROW("True"),                                                          "byte 1: no value starts here"                              },
        {ROW("nullx"),                                                         "byte 5: more text behind"                                  },
        {ROW("undefined"),                                                     "byte 1: no value starts here"                              },
        {ROW("1234567890123456789012345678901234567890123456789012345678901"),
         "byte 62: a number has more than 60 characters"                                                                                   },
        {ROW("\""),                                                            "byte 2: a string has no closing quotation mark"            },
        {ROW("\"a"),                                                           "byte 3: a string has no closing"                           },
        {ROW("\"a\\"),                                                         "byte 4: an unknown escape"                                 },
        {ROW("\"a\\\""),                                                       "byte 5: a string has no closing"                           },
        {ROW("\"\\x41\""),                                                     "byte 3: an unknown escape"                                 },
        {ROW("\"\\'\""),                                                       "byte 3: an unknown escape"                                 },
        {ROW("\"\\\0\""),                                                      "byte 3: an unknown escape"                                 },
        {ROW("\"\\u12\""),                                                     "byte 6: \\u needs four hexadecimal digits"                 },
        {ROW("\"\\u12G4\""),                                                   "byte 6: \\u needs four"                                    },
        {ROW("\"\\u+123\""),                                                   "byte 4: \\u needs four"                                    },
        {ROW("\"\\u0000\""),                                                   "byte 8: \\u0000 is not allowed"                            },
        {ROW("\"a\\u0000b\""),                                                 "\\u0000 is not allowed"                                    },
        {ROW("{\"a\\u0000\":1}"),                                              "\\u0000 is not allowed"                                    },
        {ROW("\"\\ud800\""),                                                   "half a surrogate pair"                                     },
        {ROW("\"\\udc00\""),                                                   "half a surrogate pair"                                     },
        {ROW("\"\\ud800x\""),                                                  "half a surrogate pair"                                     },
        {ROW("\"\\ud800\\n\""),                                                "half a surrogate pair"                                     },
        {ROW("\"\\ud800\\u0041\""),                                            "half a surrogate pair"                                     },
        {ROW("\"\\ud800\\ud800\""),                                            "half a surrogate pair"                                     },
        {ROW("\"\\udc00\\ud800\""),                                            "half a surrogate pair"                                     },
        {ROW("\"a\nb\""),                                                      "byte 3: a raw control character"                           },
        {ROW("\"a\tb\""),                                                      "byte 3: a raw control character"                           },
        {ROW("\"\0\""),                                                        "byte 2: a raw control character"                           },
        {ROW("\"\x1f\""),                                                      "byte 2: a raw control character"                           },
        {ROW("\"\x80\""),                                                      "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xc3\""),                                                      "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xc0\x80\""),                                                  "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xc1\xbf\""),                                                  "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xe0\x80\x80\""),                                              "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xed\xa0\x80\""),                                              "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xf4\x90\x80\x80\""),                                          "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"\xff\""),                                                      "byte 2: bytes that are not UTF-8"                          },
        {ROW("\"abc\xe4\""),                                                   "byte 5: bytes that are not UTF-8"                          },
        {ROW("\"\xe2\x82"),                                                    "byte 2: bytes that are not UTF-8"                          },
        {ROW("\xc2\xa0{}"),                                                    "byte 1: no value starts here"                              },
        {ROW("\xEF\xBB\xBF{}"),                                                "byte 1: no value starts here"                              },
        {ROW("\v{}"),                                                          "byte 1: no value starts here"                              },
        {ROW("/* a */{}"),                                                     "byte 1: no value starts here"                              },
        {ROW("{}// a"),                                                        "byte 3: more text behind"                                  },
        {ROW("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"),                           "byte 17: nested deeper than 16 levels"                     },
        {ROW("{\"a\":1,\"a\":2}"),                                             "field `a` is given twice"                                  },
        {ROW("{\"a\":1,\"b\":2,\"\\u0061\":2}"),                               "field `a` is given twice"                                  },
        {ROW("[{\"b\":{\"x\":1,\"x\":1}}]"),                                   "field `x` is given twice"                                  },
        {ROW("{\"\":1,\"\":1}"),                                               "field `` is given twice"                                   },
        {ROW("{\"\\n\":1,\"\\n\":1}"),                                         "field `\\x0A` is given twice"                              },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_json *json = NULL;
        struct bh_error error;
        enum bh_status status = parse(rows[i].text, BH_JSON_STRICT, &json, &error);
        cr_expect_eq(status, BH_EINVAL, "row %zu: %s", i, rows[i].text.ptr);
        cr_expect_null(json);
        cr_expect(strstr(error.text, rows[i].wanted) != NULL,
                  "row %zu: %s\n  got    %s\n  wanted %s", i, rows[i].text.ptr, error.text,
                  rows[i].wanted);
    }
}

Test(json, accepts_what_is_json)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        " { } ",
        "\r\n[\t]\n",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1e5",
        "1E-5",
        "0.5e+05",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\"",
        "\"\\ud83d\\ude00\"",
        "\"\xF0\x9F\x98\x80\"",
        "\"\x7f\"",
        "{\"a\":1,\"A\":2}",
        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
        "[1 , 2 ,{ \"a\" : [ ] } ]",
        "123456789012345678901234567890123456789012345678901234567890",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_json *json = NULL;
        struct bh_error error;
        cr_expect_eq(parse(bh_str_from(rows[i]), BH_JSON_STRICT, &json, &error), BH_OK, "%s: %s",
                     rows[i], error.text);
        bh_json_free(json);
    }
}

Test(json, keeps_numbers_exactly_as_they_stand)
{
    static const struct {
        const char *text;
        bool is_int64;
        int64_t number;
    } rows[] = {
        {"0",                        true,  0               },
        {"-0",                       true,  0               },
        {"77214945865",              true,  77214945865     },
        {"9007199254740993",         true,  9007199254740993},
        {"9223372036854775807",      true,  INT64_MAX       },
        {"-9223372036854775808",     true,  INT64_MIN       },
        {"9223372036854775808",      false, 0               },
        {"-9223372036854775809",     false, 0               },
        {"18446744073709551616",     false, 0               },
        {"1.0",                      false, 0               },
        {"1e3",                      false, 0               },
        {"0.075",                    false, 0               },
        {"1e400",                    false, 0               },
        {"0.1000000000000000055511", false, 0               },
        {"\"1\"",                    false, 0               },
        {"true",                     false, 0               },
        {"null",                     false, 0               },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char text[64];
        snprintf(text, sizeof(text), "{\"n\" : [ %s ] }", rows[i].text);
        struct bh_json *json = NULL;
        struct bh_error error;
        cr_assert_eq(parse(bh_str_from(text), BH_JSON_STRICT, &json, &error), BH_OK, "%s", text);
        const struct bh_json_value *value = bh_json_first(bh_json_get(bh_json_root(json), "n"));
        cr_expect(bh_str_equal_text(bh_json_raw(json, value), rows[i].text), "%s", text);
        int64_t number = 42;
        cr_expect_eq(bh_json_int64(json, value, &number), rows[i].is_int64, "%s", text);
        cr_expect_eq(number, rows[i].is_int64 ? rows[i].number : 42, "%s", text);
        bh_json_free(json);
    }
}

Test(json, gives_every_value_its_bytes)
{
    static const char text[] =
        " { \"a\\\"}\" : \"x\\\\\" , \"b\":[1,[ ],{ },\"]\" ,null] ,\"c\" : { \"d\": -1.50 }  }  ";
    static const struct {
        const char *name, *wanted;
    } rows[] = {
        {"a\"}", "\"x\\\\\""              },
        {"b",    "[1,[ ],{ },\"]\" ,null]"},
        {"c",    "{ \"d\": -1.50 }"       },
    };
    struct bh_json *json = NULL;
    struct bh_error error;
    cr_assert_eq(parse(bh_str_from(text), BH_JSON_STRICT, &json, &error), BH_OK, "%s", error.text);
    const struct bh_json_value *root = bh_json_root(json);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_str raw = bh_json_raw(json, bh_json_get(root, rows[i].name));
        cr_expect(bh_str_equal_text(raw, rows[i].wanted), "%s: %.*s", rows[i].name,
                  BH_STR_ARGS(raw));
    }
    cr_expect_eq(bh_json_count(root), 3);
    cr_expect_eq(bh_json_count(bh_json_get(root, "b")), 5);
    cr_expect_eq(bh_json_raw(json, root).len, strlen(text) - 3);
    bh_json_free(json);
}

Test(json, looks_up_with_case_and_survives_absent_values)
{
    struct bh_json *json = NULL;
    struct bh_error error;
    cr_assert_eq(parse(bh_str_from("{\"To\":1,\"to\":\"\\u00e4\\/\",\"f\":false,\"n\":null}"),
                       BH_JSON_STRICT, &json, &error),
                 BH_OK);
    const struct bh_json_value *root = bh_json_root(json), *none = bh_json_get(root, "TO");
    struct bh_str text = {NULL, 0};
    bool flag = true;
    int64_t number = 7;

    cr_expect(bh_json_string(bh_json_get(root, "to"), &text));
    cr_expect(bh_str_equal_text(text, "\xC3\xA4/"));
    cr_expect(bh_json_bool(bh_json_get(root, "f"), &flag) && !flag);
    cr_expect_eq(bh_json_type(bh_json_get(root, "n")), BH_JSON_NULL);

    cr_expect_null(none);
    cr_expect_eq(bh_json_type(none), BH_JSON_NONE);
    cr_expect_not(bh_json_string(none, &text));
    cr_expect_not(bh_json_bool(none, &flag));
    cr_expect_not(bh_json_int64(json, none, &number));
    cr_expect_null(bh_json_get(none, "x"));
    cr_expect_null(bh_json_get(bh_json_get(root, "to"), "x"));
    cr_expect_null(bh_json_first(none));
    cr_expect_null(bh_json_next(none));
    cr_expect_eq(bh_json_count(none), 0);
    cr_expect_eq(bh_json_name(none).len, 0);
    cr_expect_eq(bh_json_raw(json, none).len, 0);
    cr_expect(bh_str_equal_text(bh_json_name(bh_json_next(bh_json_first(root))), "to"));
    bh_json_free(json);
    bh_json_free(NULL);
}

Test(json, is_lenient_only_where_it_is_said)
{
    static const struct {
        struct bh_str text;
        enum bh_status wanted;
    } rows[] = {
        {ROW("\xEF\xBB\xBF{\"a\":1}"),      BH_OK    },
        {ROW("{\"a\":1,\"a\":2}\r\n"),      BH_OK    },
        {ROW("\xEF\xBB\xBF\xEF\xBB\xBF{}"), BH_EINVAL},
        {ROW("\xEF\xBB\xBF"),               BH_EINVAL},
        {ROW("100\n77214945865"),           BH_EINVAL},
        {ROW("{\"a\":01}"),                 BH_EINVAL},
        {ROW("{\"a\":\"\\u0000\"}"),        BH_EINVAL},
        {ROW("<html>"),                     BH_EINVAL},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_json *json = NULL;
        struct bh_error error;
        cr_expect_eq(parse(rows[i].text, BH_JSON_LENIENT, &json, &error), rows[i].wanted, "row %zu",
                     i);
        int64_t number = 0;
        if (json != NULL)
            cr_expect(
                bh_json_int64(json, bh_json_get(bh_json_root(json), "a"), &number) && number == 1,
                "row %zu", i);
        bh_json_free(json);
    }
}

static struct bh_str
repeat(struct bh_buf *buf, const char *open, const char *piece, size_t times, const char *close)
{
    bh_buf_clear(buf);
    bh_buf_append_text(buf, open);
    for (size_t i = 0; i < times; i++)
        bh_buf_printf(buf, "%s%s", i > 0 ? "," : "", piece);
    bh_buf_append_text(buf, close);
    cr_assert_eq(bh_buf_status(buf), BH_OK);
    return bh_buf_str(buf);
}

Test(json, bounds_bytes_values_and_members)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1 << 20);
    struct bh_json *json = NULL;
    struct bh_error error;

    cr_expect_eq(bh_json_parse(BH_STR_LITERAL("[12]"), 4, BH_JSON_STRICT, &json, &error), BH_OK);
    bh_json_free(json);
    cr_expect_eq(bh_json_parse(BH_STR_LITERAL("[123]"), 4, BH_JSON_STRICT, &json, &error),
                 BH_ETOOBIG);
    cr_expect_str_eq(error.text, "the JSON text has 5 bytes; at most 4 are allowed");

    struct bh_str text = repeat(&buf, "[", "0", BH_JSON_VALUES_MAX - 1, "]");
    cr_expect_eq(parse(text, BH_JSON_STRICT, &json, &error), BH_OK, "%s", error.text);
    bh_json_free(json);
    text = repeat(&buf, "[", "0", BH_JSON_VALUES_MAX, "]");
    cr_expect_eq(parse(text, BH_JSON_STRICT, &json, &error), BH_EINVAL);
    cr_expect(strstr(error.text, "more than 65536 values") != NULL, "%s", error.text);

    for (int members = BH_JSON_MEMBERS_MAX; members <= BH_JSON_MEMBERS_MAX + 1; members++) {
        bh_buf_clear(&buf);
        bh_buf_append_char(&buf, '{');
        for (int i = 0; i < members; i++)
            bh_buf_printf(&buf, "%s\"m%d\":0", i > 0 ? "," : "", i);
        bh_buf_append_char(&buf, '}');
        bool fits = members == BH_JSON_MEMBERS_MAX;
        cr_expect_eq(parse(bh_buf_str(&buf), BH_JSON_STRICT, &json, &error),
                     fits ? BH_OK : BH_EINVAL);
        if (fits)
            bh_json_free(json);
        else
            cr_expect_str_eq(error.text, "an object has more than 256 members");
    }
    bh_buf_release(&buf);
}

Test(json, writes_what_it_can_read_again)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 4096);
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, &buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_string(&writer, "text",
                       BH_STR_LITERAL("a\"b\\c\n\r\t\x01\x7f/\xC3\xA4\xF0\x9F\x98\x80"));
    bh_json_put_text(&writer, "none", NULL);
    bh_json_open_array(&writer, "list");
    bh_json_put_int(&writer, NULL, INT64_MIN);
    bh_json_put_bool(&writer, NULL, true);
    bh_json_open_object(&writer, NULL);
    bh_json_close_object(&writer);
    bh_json_open_array(&writer, NULL);
    bh_json_close_array(&writer);
    bh_json_put_bool(&writer, NULL, false);
    bh_json_close_array(&writer);
    bh_json_put_raw(&writer, "price", BH_STR_LITERAL("0.075"));
    bh_json_put_null(&writer, "na\"me");
    bh_json_close_object(&writer);
    cr_assert_eq(bh_buf_status(&buf), BH_OK);
    cr_expect_str_eq(
        bh_buf_text(&buf),
        "{\"text\":\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f/\xC3\xA4\xF0\x9F\x98\x80\",\"none\":null,"
        "\"list\":[-9223372036854775808,true,{},[],false],\"price\":0.075,\"na\\\"me\":null}");

    struct bh_json *json = NULL;
    struct bh_error error;
    cr_assert_eq(parse(bh_buf_str(&buf), BH_JSON_STRICT, &json, &error), BH_OK, "%s", error.text);
    struct bh_str text = {NULL, 0};
    cr_expect(bh_json_string(bh_json_get(bh_json_root(json), "text"), &text));
    cr_expect(bh_str_equal_text(text, "a\"b\\c\n\r\t\x01\x7f/\xC3\xA4\xF0\x9F\x98\x80"));
    bh_json_free(json);
    bh_buf_release(&buf);
}

Test(json, writes_broken_text_as_valid_json)
{
    static const struct {
        struct bh_str text;
        const char *wanted;
    } rows[] = {
        {ROW(""),                 "\"\""              },
        {ROW("\xff"),             "\"\xEF\xBF\xBD\""  },
        {ROW("a\xc3"),            "\"a\xEF\xBF\xBD\"" },
        {ROW("a\xe2\x82"
             "b"),
         "\"a\xEF\xBF\xBD\xEF\xBF\xBD"
         "b\""                                        },
        {ROW("\0"),               "\"\\u0000\""       },
        {ROW("</script>"),        "\"</script>\""     },
        {ROW("\xC2\x9B"
             "2J"),
         "\"\\u009b2J\""                              },
        {ROW("\xC2\x80\xC2\x9F"), "\"\\u0080\\u009f\""},
        {ROW("\xC2\xA0"),         "\"\xC2\xA0\""      },
        {ROW("\"\""),             "\"\\\"\\\"\""      },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 64);
        cr_expect_eq(bh_json_append_string(&buf, rows[i].text), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted, "row %zu", i);
        bh_buf_release(&buf);
    }
}

Test(json, copies_nothing_that_a_terminal_obeys)
{
    static const struct {
        struct bh_str json;
        const char *wanted;
    } rows[] = {
        {ROW("{}"),                                  "{\"meta\":{}}"                      },
        {ROW("{\"a\": \"\xC2\x9B"
             "2J\"}"),
         "{\"meta\":{\"a\": \"\\u009b2J\"}}"                                              },
        {ROW("{\"\xC2\x85\":\"\xC2\xA0\xC3\x9F\"}"),
         "{\"meta\":{\"\\u0085\":\"\xC2\xA0\xC3\x9F\"}}"                                  },
        {ROW("[\"\xE2\x82\x9B\",\"\xC2"),            "{\"meta\":[\"\xE2\x82\x9B\",\"\xC2}"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_json_writer writer;
        struct bh_buf buf;
        bh_buf_init(&buf, 128);
        bh_json_writer_init(&writer, &buf);
        bh_json_open_object(&writer, NULL);
        bh_json_put_shown(&writer, "meta", rows[i].json);
        bh_json_close_object(&writer);
        cr_expect_eq(bh_buf_status(&buf), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted, "row %zu", i);
        bh_buf_release(&buf);
    }
}

Test(json, says_so_when_memory_is_short_at_any_point)
{
    static const char text[] = "{\"a\":[1,\"x\",{\"b\":null}],\"c\":\"\\u00e4\",\"d\":1.5}";
    bh_use_scarce_memory();
    bh_json_use_allocator();

    long needed = 0;
    for (;; needed++) {
        cr_assert_lt(needed, 1000);
        bh_allocations_left = needed;
        struct bh_json *json = NULL;
        enum bh_status status = bh_json_parse(bh_str_from(text), 1024, BH_JSON_STRICT, &json, NULL);
        if (status == BH_OK) {
            bh_json_free(json);
            break;
        }
        cr_assert_eq(status, BH_ENOMEM);
        cr_assert_null(json);
    }
    cr_expect_gt(needed, 10);
}
