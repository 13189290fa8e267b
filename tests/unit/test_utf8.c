#include <criterion/criterion.h>

#include "core/utf8.h"

/* By the bit layout of RFC 3629, without any check: the tests need the malformed ones too. */
static struct bh_str
encode(uint32_t code, unsigned len, char bytes[4])
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (unsigned i = len - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    bytes[0] = (char)(leads[len] | code);
    return (struct bh_str){bytes, len};
}

static unsigned
proper_length(uint32_t code)
{
    if (code < 0x80)
        return 1;
    if (code < 0x800)
        return 2;
    return code < 0x10000 ? 3 : 4;
}

Test(utf8, reads_every_code_point_in_its_shortest_form_and_no_surrogate)
{
    for (uint32_t code = 0; code <= 0x1FFFFF; code++) {
        char bytes[4];
        uint32_t got = 0xDEAD;
        struct bh_str text = encode(code, proper_length(code), bytes);
        bool valid = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        cr_assert_eq(bh_utf8_decode(text, &got), valid ? text.len : 0, "U+%04X", code);
        cr_assert_eq(got, valid ? code : 0xDEAD, "U+%04X", code);
    }
}

Test(utf8, refuses_every_overlong_form)
{
    for (uint32_t code = 0; code <= 0xFFFF; code++) {
        for (unsigned len = proper_length(code) + 1; len <= 4; len++) {
            char bytes[4];
            uint32_t got;
            cr_assert_eq(bh_utf8_decode(encode(code, len, bytes), &got), 0, "U+%04X in %u", code,
                         len);
        }
    }
}

Test(utf8, stops_at_the_first_malformed_byte)
{
    const struct {
        const char *name;
        struct bh_str input;
        size_t valid;
    } rows[] = {
        {"empty",                        BH_STR_LITERAL(""),                                     0},
        {"ascii",                        BH_STR_LITERAL("abc"),                                  3},
        {"nul inside",                   BH_STR_LITERAL("a\0b"),                                 3},
        {"two, three, four bytes",       BH_STR_LITERAL("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 9},
        {"first and last of four bytes", BH_STR_LITERAL("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),     8},
        {"noncharacter is well-formed",  BH_STR_LITERAL("\xEF\xBF\xBF"),                         3},
        {"lone continuation",            BH_STR_LITERAL("a\x80"),                                1},
        {"last continuation",
         BH_STR_LITERAL("a\xBF"
                        "b"),
         1                                                                                        },
        {"latin-1 umlaut",
         BH_STR_LITERAL("gr\xFC\xDF"
                        "e"),
         2                                                                                        },
        {"overlong slash",               BH_STR_LITERAL("\xC0\xAF"),                             0},
        {"overlong nul of Java",         BH_STR_LITERAL("x\xC0\x80"),                            1},
        {"overlong in three",            BH_STR_LITERAL("\xE0\x9F\xBF"),                         0},
        {"overlong in four",             BH_STR_LITERAL("\xF0\x8F\xBF\xBF"),                     0},
        {"high surrogate",               BH_STR_LITERAL("\xED\xA0\x80"),                         0},
        {"low surrogate",                BH_STR_LITERAL("\xED\xBF\xBF"),                         0},
        {"CESU-8 emoji",                 BH_STR_LITERAL("ok\xED\xA0\xBD\xED\xB8\x80"),           2},
        {"just below the surrogates",    BH_STR_LITERAL("\xED\x9F\xBF"),                         3},
        {"just above the surrogates",    BH_STR_LITERAL("\xEE\x80\x80"),                         3},
        {"above U+10FFFF",               BH_STR_LITERAL("\xF4\x90\x80\x80"),                     0},
        {"lead F5",                      BH_STR_LITERAL("\xF5\x80\x80\x80"),                     0},
        {"five bytes of old",            BH_STR_LITERAL("\xF8\x88\x80\x80\x80"),                 0},
        {"FE and FF",                    BH_STR_LITERAL("\xFE\xFF"),                             0},
        {"two bytes cut",                BH_STR_LITERAL("a\xC3"),                                1},
        {"three bytes cut after one",    BH_STR_LITERAL("a\xE2"),                                1},
        {"three bytes cut after two",    BH_STR_LITERAL("a\xE2\x82"),                            1},
        {"four bytes cut after three",   BH_STR_LITERAL("a\xF0\x9F\x98"),                        1},
        {"cut, then ascii",
         BH_STR_LITERAL("\xE2\x82"
                        "abc"),
         0                                                                                        },
        {"cut, then another lead",       BH_STR_LITERAL("\xC3\xC3\xA4"),                         0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_utf8_count count = {77, 77};
        bool whole = rows[i].valid == rows[i].input.len;
        cr_expect_eq(bh_utf8_valid_prefix(rows[i].input), rows[i].valid, "%s", rows[i].name);
        cr_expect_eq(bh_utf8_is_valid(rows[i].input), whole, "%s", rows[i].name);
        cr_expect_eq(bh_utf8_count(rows[i].input, &count), whole, "%s", rows[i].name);
        cr_expect(whole || count.code_points == 77, "%s: written on failure", rows[i].name);
    }
}

Test(utf8, counts_code_points_and_utf16_units)
{
    const struct {
        const char *name;
        struct bh_str input;
        size_t code_points;
        size_t utf16_units;
    } rows[] = {
        {"empty",                      BH_STR_LITERAL(""),                                 0, 0},
        {"null view",                  {NULL, 0},                                          0, 0},
        {"umlauts and euro",           BH_STR_LITERAL("\xC3\xA4\xC3\xB6\xE2\x82\xAC"),     3, 3},
        {"emoji",                      BH_STR_LITERAL("\xF0\x9F\x98\x80"),                 1, 2},
        {"last of the BMP, then next", BH_STR_LITERAL("\xEF\xBF\xBF\xF0\x90\x80\x80"),     2, 3},
        {"u with combining diaeresis", BH_STR_LITERAL("u\xCC\x88"),                        2, 2},
        {"flag of two letters",        BH_STR_LITERAL("\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"), 2, 4},
        {"nul counts",                 BH_STR_LITERAL("\0\0"),                             2, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_utf8_count count = {77, 77};
        cr_expect(bh_utf8_count(rows[i].input, &count), "%s", rows[i].name);
        cr_expect_eq(count.code_points, rows[i].code_points, "%s", rows[i].name);
        cr_expect_eq(count.utf16_units, rows[i].utf16_units, "%s", rows[i].name);
    }
}

Test(utf8, walks_character_by_character)
{
    struct bh_str rest = BH_STR_LITERAL("a\xE2\x82\xAC\xFF");
    uint32_t code = 0;
    cr_assert(bh_utf8_next(&rest, &code));
    cr_expect_eq(code, 'a');
    cr_assert(bh_utf8_next(&rest, &code));
    cr_expect_eq(code, 0x20AC);
    cr_assert_not(bh_utf8_next(&rest, &code));
    cr_expect_eq(rest.len, 1, "a malformed byte is not the end");
}
