#include <criterion/criterion.h>

#include <string.h>

#include "core/codec.h"

Test(codec, checks_base64_strictly)
{
    static const struct {
        const char *name;
        const char *input;
        bool ok;
        size_t len;
    } rows[] = {
        {"empty",                          "",                                                                 true,  0},
        {"RFC 4648 f",                     "Zg==",                                                             true,  1},
        {"RFC 4648 fo",                    "Zm8=",                                                             true,  2},
        {"RFC 4648 foo",                   "Zm9v",                                                             true,  3},
        {"RFC 4648 foobar",                "Zm9vYmFy",                                                         true,  6},
        {"all sixty-four",                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true,
         48                                                                                                            },
        {"no padding",                     "Zg",                                                               false, 0},
        {"half padding",                   "Zg=",                                                              false, 0},
        {"padding too long",               "Zm9v====",                                                         false, 0},
        {"three padding characters",       "Z===",                                                             false, 0},
        {"padding alone",                  "====",                                                             false, 0},
        {"padding inside",                 "Zg==Zg==",                                                         false, 0},
        {"padding before a digit",         "Zg=v",                                                             false, 0},
        {"one bit of the unused two set",  "Zm9=",                                                             false, 0},
        {"one bit of the unused four set", "Zh==",                                                             false, 0},
        {"url alphabet -",                 "Zm9-",                                                             false, 0},
        {"url alphabet _",                 "Zm9_",                                                             false, 0},
        {"line break",                     "Zm9v\nZm9",                                                        false, 0},
        {"line break at the end",          "Zm9v\n",                                                           false, 0},
        {"blank",                          "Zm 9",                                                             false, 0},
        {"blanks to a multiple of four",   "Zm9v    ",                                                         false, 0},
        {"data url",                       "data:;base64,Zm9v",                                                false, 0},
        {"high byte",                      "Zm9\xFF",                                                          false, 0},
        {"one digit",                      "Z",                                                                false, 0},
        {"five digits",                    "Zm9vY",                                                            false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = 77;
        cr_expect_eq(bh_base64_check(bh_str_from(rows[i].input), &len), rows[i].ok, "%s",
                     rows[i].name);
        cr_expect_eq(len, rows[i].ok ? rows[i].len : 77, "%s", rows[i].name);
    }
    size_t len;
    cr_expect_not(bh_base64_check(BH_STR_LITERAL("Zm\0v"), &len), "nul inside");
}

Test(codec, encodes_every_byte_to_base64_and_hex_that_it_accepts)
{
    unsigned char bytes[256];
    struct bh_buf buf;
    bh_buf_init(&buf, 1024);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(255 - i);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        size_t decoded = 77;
        bh_buf_clear(&buf);
        cr_assert_eq(bh_base64_append(&buf, bytes, len), BH_OK);
        cr_assert(bh_base64_check(bh_buf_str(&buf), &decoded), "%zu: %s", len, bh_buf_text(&buf));
        cr_assert_eq(decoded, len);

        unsigned char back[256];
        char hex[2 * 256 + 1];
        bh_hex_write(bytes, len, hex);
        cr_assert_eq(bh_hex_decode((struct bh_str){hex, 2 * len}, back, len, &decoded), len > 0);
        cr_assert(len == 0 || (decoded == len && memcmp(bytes, back, len) == 0), "%zu", len);
    }
    bh_buf_clear(&buf);
    bh_base64_append(&buf, "key:\xFB\xFF\xBF", 7);
    cr_expect_str_eq(bh_buf_text(&buf), "a2V5Ovv/vw==");
    char hex[7];
    bh_hex_write("\x00\x09\xAF", 3, hex);
    cr_expect_str_eq(hex, "0009af");
    bh_buf_release(&buf);
}

Test(codec, reads_hex_of_either_case_and_nothing_else)
{
    static const struct {
        const char *input;
        bool ok;
    } rows[] = {
        {"0605040b84", true },
        {"0605040B84", true },
        {"aF",         true },
        {"",           false},
        {"0",          false},
        {"0605 04",    false},
        {"0x06",       false},
        {"0g",         false},
        {"G0",         false},
        {"06\n",       false},
        {"06:05",      false},
        {"\xC3\xA4",   false},
        {"-1",         false},
        {"/0",         false},
        {":0",         false},
        {"@0",         false},
        {"`0",         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char bytes[5];
        size_t len;
        cr_expect_eq(bh_hex_is_valid(bh_str_from(rows[i].input)), rows[i].ok, "\"%s\"",
                     rows[i].input);
        cr_expect_eq(bh_hex_decode(bh_str_from(rows[i].input), bytes, sizeof(bytes), &len),
                     rows[i].ok, "\"%s\"", rows[i].input);
    }
    unsigned char small[2];
    size_t len = 77;
    cr_expect_not(bh_hex_decode(bh_str_from("aabbcc"), small, sizeof(small), &len));
    cr_expect_eq(len, 77);
}

Test(codec, leaves_only_unreserved_characters_bare)
{
    static const struct {
        const char *input;
        const char *wanted;
    } rows[] = {
        {"",                   ""                                       },
        {"azAZ09-._~",         "azAZ09-._~"                             },
        {"a b+c&d=e%f",        "a%20b%2Bc%26d%3De%25f"                  },
        {"gr\xC3\xBC\xC3\x9F", "gr%C3%BC%C3%9F"                         },
        {"\xFF\x01\x7F",       "%FF%01%7F"                              },
        {"files[0][name]",     "files%5B0%5D%5Bname%5D"                 },
        {"/?#:@!$'()*,;",      "%2F%3F%23%3A%40%21%24%27%28%29%2A%2C%3B"},
        {"\r\n",               "%0D%0A"                                 },
        {"+49171",             "%2B49171"                               },
    };
    struct bh_buf buf;
    bh_buf_init(&buf, 1024);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_buf_clear(&buf);
        cr_expect_eq(bh_percent_append(&buf, bh_str_from(rows[i].input)), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted, "\"%s\"", rows[i].input);
    }
    bh_buf_clear(&buf);
    bh_percent_append(&buf, BH_STR_LITERAL("a\0b"));
    cr_expect_str_eq(bh_buf_text(&buf), "a%00b");
    bh_buf_release(&buf);
}

Test(codec, says_when_the_buffer_is_full)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 5);
    cr_expect_eq(bh_base64_append(&buf, "abcdef", 6), BH_ETOOBIG);
    bh_buf_clear(&buf);
    cr_expect_eq(bh_percent_append(&buf, bh_str_from("abc d")), BH_ETOOBIG);
    bh_buf_release(&buf);
}
