#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <bellhop/sms.h>

#include "core/gsm0338.h"

/* 3GPP TS 23.038 section 6.2.1, in the order of the septets; 0x1B is the escape. */
static const uint32_t basic_table[128] = {
    0x0040, 0x00A3, 0x0024, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, 0x00F2, 0x00C7, 0x000A, 0x00D8,
    0x00F8, 0x000D, 0x00C5, 0x00E5, 0x0394, 0x005F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8,
    0x03A3, 0x0398, 0x039E, 0x001B, 0x00C6, 0x00E6, 0x00DF, 0x00C9, 0x0020, 0x0021, 0x0022, 0x0023,
    0x00A4, 0x0025, 0x0026, 0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x002C, 0x002D, 0x002E, 0x002F,
    0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003A, 0x003B,
    0x003C, 0x003D, 0x003E, 0x003F, 0x00A1, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047,
    0x0048, 0x0049, 0x004A, 0x004B, 0x004C, 0x004D, 0x004E, 0x004F, 0x0050, 0x0051, 0x0052, 0x0053,
    0x0054, 0x0055, 0x0056, 0x0057, 0x0058, 0x0059, 0x005A, 0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7,
    0x00BF, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, 0x0068, 0x0069, 0x006A, 0x006B,
    0x006C, 0x006D, 0x006E, 0x006F, 0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077,
    0x0078, 0x0079, 0x007A, 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0,
};

/* Section 6.2.1.1, without the control characters that only receivers use. */
static const uint32_t extension_table[] = {0x000C, 0x005E, 0x007B, 0x007D, 0x005C,
                                           0x005B, 0x007E, 0x005D, 0x007C, 0x20AC};

static unsigned
septets_by_the_tables(uint32_t code)
{
    for (size_t i = 0; i < 128; i++) {
        if (i != 0x1B && basic_table[i] == code)
            return 1;
    }
    for (size_t i = 0; i < sizeof(extension_table) / sizeof(extension_table[0]); i++) {
        if (extension_table[i] == code)
            return 2;
    }
    return 0;
}

Test(sms, knows_the_width_of_every_character_of_unicode)
{
    size_t members = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        cr_assert_eq(bh_gsm0338_septets(code), septets_by_the_tables(code), "U+%04X", code);
        members += bh_gsm0338_septets(code) > 0;
    }
    cr_expect_eq(members, 137, "%zu members", members);
    cr_expect_eq(bh_gsm0338_septets(UINT32_MAX), 0);
}

/* A text of runs: `count` times `unit`, up to four runs. */
struct run {
    size_t count;
    const char *unit;
};

static char *
build(const struct run runs[4], size_t *ret_len)
{
    char *text = malloc(20000);
    size_t len = 0;
    cr_assert_not_null(text);
    for (size_t i = 0; i < 4 && runs[i].unit != NULL; i++) {
        for (size_t n = 0; n < runs[i].count; n++) {
            size_t unit_len = strlen(runs[i].unit);
            cr_assert_lt(len + unit_len, 20000);
            memcpy(text + len, runs[i].unit, unit_len);
            len += unit_len;
        }
    }
    *ret_len = len;
    return text;
}

#define EURO    "\xE2\x82\xAC"
#define SMILE   "\xF0\x9F\x98\x80"
#define CEDILLA "\xC3\xA7" /* small c with cedilla: only its capital is in the alphabet */

Test(sms, counts_units_and_parts_at_every_boundary)
{
    static const struct {
        const char *name;
        struct run runs[4];
        enum bh_sms_encoding encoding;
        size_t units;
        size_t parts;
        size_t strict;
    } rows[] = {
        {"empty",                                    {{0, "a"}},                                BH_SMS_GSM,  0,    0,  0 },
        {"one character",                            {{1, "a"}},                                BH_SMS_GSM,  1,    1,  1 },
        {"160 septets",                              {{160, "a"}},                              BH_SMS_GSM,  160,  1,  1 },
        {"161 septets",                              {{161, "a"}},                              BH_SMS_GSM,  161,  2,  2 },
        {"306 septets",                              {{306, "a"}},                              BH_SMS_GSM,  306,  2,  2 },
        {"307 septets",                              {{307, "a"}},                              BH_SMS_GSM,  307,  3,  3 },
        {"459 and 460",                              {{459, "a"}},                              BH_SMS_GSM,  459,  3,  3 },
        {"460",                                      {{460, "a"}},                              BH_SMS_GSM,  460,  4,  4 },
        {"the longest text",                         {{1520, "a"}},                             BH_SMS_GSM,  1520, 10, 10},
        {"the longest text in euros",                {{1520, EURO}},                            BH_SMS_GSM,  3040, 20, 20},
        {"umlauts are one",                          {{160, "\xC3\xA4"}},                       BH_SMS_GSM,  160,  1,  1 },
        {"80 euros",                                 {{80, EURO}},                              BH_SMS_GSM,  160,  1,  1 },
        {"159 and a euro",                           {{159, "a"}, {1, EURO}},                   BH_SMS_GSM,  161,  2,  2 },
        {"158 and a euro",                           {{158, "a"}, {1, EURO}},                   BH_SMS_GSM,  160,  1,  1 },
        {"euro over the first boundary of 306",
         {{152, "a"}, {1, EURO}, {152, "a"}},
         BH_SMS_GSM,                                                                                         306,
         2,                                                                                                            3 },
        {"euro behind the boundary",                 {{153, "a"}, {1, EURO}, {151, "a"}},       BH_SMS_GSM,  306,  2,  2 },
        {"euro before the boundary",                 {{151, "a"}, {1, EURO}, {153, "a"}},       BH_SMS_GSM,  306,  2,  2 },
        {"euro over the boundary, one septet spare",
         {{152, "a"}, {1, EURO}, {151, "a"}},
         BH_SMS_GSM,                                                                                         305,
         2,                                                                                                            2 },
        {"euro over the second boundary",            {{305, "a"}, {1, EURO}},                   BH_SMS_GSM,  307,  3,  3 },
        {"153 euros tear once",                      {{153, EURO}},                             BH_SMS_GSM,  306,  2,  3 },
        {"tables' brackets and backslash",           {{10, "^{}\\[~]|"}},                       BH_SMS_GSM,  160,  1,  1 },
        {"form feed is two, CR and LF one",          {{1, "\f\r\n"}},                           BH_SMS_GSM,  4,    1,  1 },
        {"70 units",                                 {{69, "a"}, {1, CEDILLA}},                 BH_SMS_UCS2, 70,   1,  1 },
        {"71 units",                                 {{70, "a"}, {1, CEDILLA}},                 BH_SMS_UCS2, 71,   2,  2 },
        {"134 units",                                {{133, "a"}, {1, CEDILLA}},                BH_SMS_UCS2, 134,  2,  2 },
        {"135 units",                                {{134, "a"}, {1, CEDILLA}},                BH_SMS_UCS2, 135,  3,  3 },
        {"the longest text in Cyrillic",             {{1520, "\xD0\x96"}},                      BH_SMS_UCS2, 1520, 23, 23},
        {"one emoji",                                {{1, SMILE}},                              BH_SMS_UCS2, 2,    1,  1 },
        {"35 emoji",                                 {{35, SMILE}},                             BH_SMS_UCS2, 70,   1,  1 },
        {"36 emoji",                                 {{36, SMILE}},                             BH_SMS_UCS2, 72,   2,  2 },
        {"67 emoji, 33 to a part",                   {{67, SMILE}},                             BH_SMS_UCS2, 134,  2,  3 },
        {"emoji over the boundary",                  {{66, "a"}, {1, SMILE}, {66, "a"}},        BH_SMS_UCS2, 134,  2,  3 },
        {"emoji behind the boundary",                {{67, "a"}, {1, SMILE}, {65, "a"}},        BH_SMS_UCS2, 134,  2,  2 },
        {"euro in UCS-2 is one",                     {{69, EURO}, {1, CEDILLA}},                BH_SMS_UCS2, 70,   1,  1 },
        {"combining diaeresis",                      {{35, "u\xCC\x88"}},                       BH_SMS_UCS2, 70,   1,  1 },
        {"flag is four units",                       {{1, "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"}}, BH_SMS_UCS2, 4,    1,  1 },
        {"joined family",
         {{1, "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"}},
         BH_SMS_UCS2,                                                                                        5,
         1,                                                                                                            1 },
        {"backtick is outside",                      {{1, "`"}},                                BH_SMS_UCS2, 1,    1,  1 },
        {"tab is outside",                           {{1, "\t"}},                               BH_SMS_UCS2, 1,    1,  1 },
        {"escape is outside",                        {{1, "\x1B"}},                             BH_SMS_UCS2, 1,    1,  1 },
        {"typographic apostrophe",                   {{1, "don\xE2\x80\x99t"}},                 BH_SMS_UCS2, 5,    1,  1 },
        {"no-break space",                           {{1, "\xC2\xA0"}},                         BH_SMS_UCS2, 1,    1,  1 },
        {"capital cedilla is inside",                {{1, "\xC3\x87"}},                         BH_SMS_GSM,  1,    1,  1 },
        {"Greek capitals are half inside",           {{1, "\xCE\x94\xCE\xA9"}},                 BH_SMS_GSM,  2,    1,  1 },
        {"Greek alpha is outside",                   {{1, "\xCE\x91"}},                         BH_SMS_UCS2, 1,    1,  1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len;
        char *text = build(rows[i].runs, &len);
        struct bh_sms_size size;
        cr_assert(bh_sms_measure(text, len, NULL, &size, NULL), "%s", rows[i].name);
        cr_expect_eq(size.encoding, rows[i].encoding, "%s", rows[i].name);
        cr_expect_eq(size.units, rows[i].units, "%s: %zu units", rows[i].name, size.units);
        cr_expect_eq(size.parts, rows[i].parts, "%s: %zu parts", rows[i].name, size.parts);
        cr_expect_eq(size.parts_strict, rows[i].strict, "%s: %zu strict", rows[i].name,
                     size.parts_strict);
        free(text);
    }
}

Test(sms, names_the_first_character_that_forces_ucs2)
{
    static const struct {
        const char *text;
        size_t count;
        uint32_t code;
        size_t offset;
        size_t index;
        size_t characters;
    } rows[] = {
        {"plain",                                0, 0,       0, 0, 5 },
        {"",                                     0, 0,       0, 0, 0 },
        {CEDILLA,                                1, 0xE7,    0, 0, 1 },
        {"Fran" CEDILLA "ais, gar" CEDILLA "on", 2, 0xE7,    4, 4, 16},
        {EURO EURO SMILE "`",                    2, 0x1F600, 6, 2, 4 },
        {"\xC3\xA4u\xCC\x88",                    1, 0x308,   3, 2, 3 },
        {"tail`",                                1, '`',     4, 4, 5 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_sms_size size;
        cr_assert(bh_sms_measure(rows[i].text, strlen(rows[i].text), NULL, &size, NULL));
        cr_expect_eq(size.foreign_count, rows[i].count, "%s", rows[i].text);
        cr_expect_eq(size.characters, rows[i].characters, "%s: %zu", rows[i].text, size.characters);
        if (rows[i].count == 0)
            continue;
        cr_expect_eq(size.foreign_code, rows[i].code, "%s", rows[i].text);
        cr_expect_eq(size.foreign_offset, rows[i].offset, "%s", rows[i].text);
        cr_expect_eq(size.foreign_index, rows[i].index, "%s", rows[i].text);
    }
}

#define SIX_OCTETS "050003CC0301"
#define SEVEN      "06050415811581" /* port addressing, with its length in front */

Test(sms, takes_the_header_and_the_wish_for_unicode_into_account)
{
    static const struct {
        const char *name;
        struct run runs[4];
        bool unicode;
        const char *udh;
        enum bh_sms_encoding encoding;
        size_t units;
        size_t parts;
        size_t units_per_part;
    } rows[] = {
        {"unicode wanted, fits",            {{70, "a"}},   true,  NULL,             BH_SMS_UCS2,   70,  1, 70 },
        {"unicode wanted, does not",        {{71, "a"}},   true,  NULL,             BH_SMS_UCS2,   71,  2, 67 },
        {"hex text without header is text", {{100, "4f"}}, false, NULL,             BH_SMS_GSM,    200, 2, 153},
        {"binary, one part",                {{133, "4f"}}, false, SEVEN,            BH_SMS_BINARY, 133, 1, 133},
        {"binary, two parts",               {{134, "4f"}}, false, SEVEN,            BH_SMS_BINARY, 134, 2, 128},
        {"binary, full two parts",          {{256, "4f"}}, false, SEVEN,            BH_SMS_BINARY, 256, 2, 128},
        {"binary, three parts",             {{257, "4f"}}, false, SEVEN,            BH_SMS_BINARY, 257, 3, 128},
        {"binary wins over unicode",        {{3, "4f"}},   true,  SEVEN,            BH_SMS_BINARY, 3,   1, 133},
        {"odd digits are text",             {{3, "4"}},    false, SEVEN,            BH_SMS_GSM,    3,   1, 152},
        {"text beside seven octets",        {{152, "g"}},  false, SEVEN,            BH_SMS_GSM,    152, 1, 152},
        {"one more",                        {{153, "g"}},  false, SEVEN,            BH_SMS_GSM,    153, 2, 146},
        {"unicode beside seven octets",     {{66, SMILE}}, false, SEVEN,            BH_SMS_UCS2,   132, 3, 64 },
        {"beside six octets",               {{153, "g"}},  false, SIX_OCTETS,       BH_SMS_GSM,    153, 1, 153},
        {"length octet missing",            {{152, "g"}},  false, "050415811581",   BH_SMS_GSM,    152, 1, 152},
        {"broken elements behind a length",
         {{152, "g"}},
         false,                                                   "0600FF15811581",
         BH_SMS_GSM,                                                                               152,
         1,                                                                                                152},
        {"no elements at all",              {{158, "g"}},  false, "00",             BH_SMS_GSM,    158, 1, 158},
        {"small letters in the header",
         {{3, "4f"}},
         false,                                                   "050003cc0301",
         BH_SMS_BINARY,                                                                            3,
         1,                                                                                                134},
        {"empty text with header",          {{0, "a"}},    false, SEVEN,            BH_SMS_GSM,    0,   0, 152},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len;
        char *text = build(rows[i].runs, &len);
        struct bh_sms_options options = {.unicode = rows[i].unicode, .udh = rows[i].udh};
        options.udh_len = options.udh != NULL ? strlen(options.udh) : 0;
        struct bh_sms_size size;
        struct bh_error error = {.text = ""};
        cr_assert(bh_sms_measure(text, len, &options, &size, &error), "%s: %s", rows[i].name,
                  error.text);
        cr_expect_eq(size.encoding, rows[i].encoding, "%s", rows[i].name);
        cr_expect_eq(size.units, rows[i].units, "%s: %zu units", rows[i].name, size.units);
        cr_expect_eq(size.parts, rows[i].parts, "%s: %zu parts", rows[i].name, size.parts);
        cr_expect_eq(size.units_per_part, rows[i].units_per_part, "%s: %zu", rows[i].name,
                     size.units_per_part);
        free(text);
    }
}

Test(sms, refuses_what_cannot_be_measured)
{
    char long_udh[400];
    memset(long_udh, 'A', sizeof(long_udh));
    static const char text[] = "hi there, hi there, hi there";
    static const struct {
        const char *name;
        const char *udh;
        size_t udh_len;
        const char *wanted;
    } rows[] = {
        {"blank inside", "05 00", 5,   "not hex"},
        {"not hex",      "xx",    2,   "not hex"},
        {"odd",          "050",   3,   "not hex"},
        {"empty",        "",      0,   "not hex"},
        {"141 octets",   NULL,    282, "longer" },
        {"140 octets",   NULL,    280, "no room"},
        {"134 octets",   NULL,    268, "no room"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_sms_options options = {.udh = rows[i].udh, .udh_len = rows[i].udh_len};
        if (options.udh == NULL)
            options.udh = long_udh;
        struct bh_sms_size size = {.parts = 77};
        struct bh_error error = {.text = ""};
        cr_expect_not(bh_sms_measure(text, sizeof(text) - 1, &options, &size, &error), "%s",
                      rows[i].name);
        cr_expect_not_null(strstr(error.text, rows[i].wanted), "%s: %s", rows[i].name, error.text);
        cr_expect_eq(size.parts, 77);
    }

    struct bh_sms_size size;
    struct bh_error error;
    cr_expect_not(bh_sms_measure("gr\xFC\xDF"
                                 "e",
                                 5, NULL, &size, &error));
    cr_expect_str_eq(error.field, "text");
    cr_expect_not_null(strstr(error.text, "byte 2"), "%s", error.text);
}

Test(sms, names_its_encodings_as_the_gateway_does)
{
    cr_expect_str_eq(bh_sms_encoding_name(BH_SMS_GSM), "gsm");
    cr_expect_str_eq(bh_sms_encoding_name(BH_SMS_UCS2), "ucs2");
    cr_expect_str_eq(bh_sms_encoding_name(BH_SMS_BINARY), "binary");
}
