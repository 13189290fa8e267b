#include <criterion/criterion.h>
#include <string.h>

#include "core/sent_record.h"

static struct bh_sent_record
full_record(void)
{
    struct bh_sent_record record = {
        .kind = BH_SENT_ENDED,
        .result = BH_SENT_ACCEPTED,
        .message_ids_cut = true,
        .sequence = 7,
        .handle = 123456,
        .token = UINT64_C(1) << 53,
        .at = {1700000000123},
        .uncertain_since = {1700000000001},
        .other_handle = 4,
        .other_token = 5,
        .attempts = 3,
        .id = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee",
        .message_ids = "77123456789,77123456790",
    };
    memset(record.queue.bytes, 0xa5, sizeof(record.queue.bytes));
    memset(record.payload.bytes, 0x5a, sizeof(record.payload.bytes));
    return record;
}

static void
expect_same(const struct bh_sent_record *a, const struct bh_sent_record *b)
{
    unsigned char bytes_a[BH_SENT_RECORD_BYTES], bytes_b[BH_SENT_RECORD_BYTES];
    bh_sent_record_format(a, bytes_a);
    bh_sent_record_format(b, bytes_b);
    cr_expect_arr_eq(bytes_a, bytes_b, sizeof(bytes_a));
    cr_expect_eq(a->kind, b->kind);
    cr_expect_eq(a->result, b->result);
    cr_expect_eq(a->sequence, b->sequence);
    cr_expect_eq(a->handle, b->handle);
    cr_expect_eq(a->token, b->token);
    cr_expect_eq(a->at.ms, b->at.ms);
    cr_expect_eq(a->uncertain_since.ms, b->uncertain_since.ms);
    cr_expect_eq(a->attempts, b->attempts);
    cr_expect_str_eq(a->id, b->id);
    cr_expect_str_eq(a->message_ids, b->message_ids);
}

Test(sent_record, comes_back_as_it_was_written)
{
    struct bh_sent_record record = full_record(), got;
    unsigned char bytes[BH_SENT_RECORD_BYTES];
    bh_sent_record_format(&record, bytes);
    cr_assert_eq(bh_sent_record_parse(bytes, &got), BH_SENT_READ);
    expect_same(&record, &got);

    memset(record.id, 'i', BH_JOB_ID_MAX);
    memset(record.message_ids, '1', BH_SENT_MESSAGE_IDS_MAX);
    record.id[BH_JOB_ID_MAX] = record.message_ids[BH_SENT_MESSAGE_IDS_MAX] = '\0';
    bh_sent_record_format(&record, bytes);
    cr_assert_eq(bh_sent_record_parse(bytes, &got), BH_SENT_READ);
    expect_same(&record, &got);
}

/* What a crash leaves: the first bytes of the new record, and behind them the old one, or zeros. */
Test(sent_record, is_refused_when_torn_at_any_byte)
{
    struct bh_sent_record record = full_record(), old = full_record(), got;
    unsigned char fresh[BH_SENT_RECORD_BYTES], before[BH_SENT_RECORD_BYTES];
    unsigned char torn[BH_SENT_RECORD_BYTES];
    old.sequence = 1;
    old.at.ms = 5;
    old.result = BH_SENT_REFUSED;
    memset(old.payload.bytes, 1, sizeof(old.payload.bytes));
    old.attempts = 9;
    bh_sent_record_format(&record, fresh);
    bh_sent_record_format(&old, before);
    for (size_t cut = 1; cut < BH_SENT_RECORD_BYTES; cut++) {
        memcpy(torn, before, sizeof(torn));
        memcpy(torn, fresh, cut);
        bool whole =
            memcmp(torn, before, sizeof(torn)) == 0 || memcmp(torn, fresh, sizeof(torn)) == 0;
        cr_expect_eq(bh_sent_record_parse(torn, &got), whole ? BH_SENT_READ : BH_SENT_DAMAGED,
                     "over another, cut at %zu", cut);
        memset(torn + cut, 0, sizeof(torn) - cut);
        whole = memcmp(torn, fresh, sizeof(torn)) == 0;
        cr_expect_eq(bh_sent_record_parse(torn, &got), whole ? BH_SENT_READ : BH_SENT_DAMAGED,
                     "into nothing, cut at %zu", cut);
    }
}

Test(sent_record, is_refused_with_any_bit_turned)
{
    struct bh_sent_record record = full_record(), got;
    unsigned char bytes[BH_SENT_RECORD_BYTES];
    bh_sent_record_format(&record, bytes);
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_expect_eq(bh_sent_record_parse(bytes, &got), BH_SENT_DAMAGED, "bit %zu", bit);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Reference: the check value of CRC-32C, and the vectors of RFC 3720, appendix B.4, by way of a bitwise one. */
static uint32_t
slow_crc32c(const unsigned char *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void
sign(unsigned char *bytes)
{
    uint32_t crc = slow_crc32c(bytes, BH_SENT_RECORD_BYTES - 4);
    for (size_t i = 0; i < 4; i++)
        bytes[BH_SENT_RECORD_BYTES - 4 + i] = (unsigned char)(crc >> (8 * i));
}

Test(sent_record, ends_with_crc_32c)
{
    unsigned char zeros[32] = {0};
    cr_expect_eq(slow_crc32c((const unsigned char *)"123456789", 9), 0xe3069283);
    cr_expect_eq(slow_crc32c(zeros, sizeof(zeros)), 0x8a9136aa);
    struct bh_sent_record record = full_record();
    unsigned char bytes[BH_SENT_RECORD_BYTES], again[BH_SENT_RECORD_BYTES];
    bh_sent_record_format(&record, bytes);
    memcpy(again, bytes, sizeof(again));
    sign(again);
    cr_expect_arr_eq(bytes, again, sizeof(bytes));
}

/* With a right checksum, as another version or another hand would write it. */
Test(sent_record, is_refused_when_it_says_what_no_record_says)
{
    static const struct {
        const char *name;
        size_t at;
        unsigned char byte;
    } rows[] = {
        {"another magic",                0,   'X' },
        {"version 0",                    4,   0   },
        {"a later version",              4,   2   },
        {"kind 0",                       5,   0   },
        {"a kind too many",              5,   5   },
        {"a result too many",            6,   5   },
        {"an unknown mark",              7,   2   },
        {"a sequence below zero",        15,  0x80},
        {"a handle over 2^53",           55,  1   },
        {"a token over 2^53",            63,  1   },
        {"a time before 1970",           71,  0x80},
        {"uncertain since before 1970",  79,  0x80},
        {"another handle over 2^53",     87,  1   },
        {"another token over 2^53",      95,  1   },
        {"too long an id",               100, 65  },
        {"an id that is longer",         100, 37  },
        {"an id that is shorter",        100, 35  },
        {"too long message ids",         101, 85  },
        {"message ids that are shorter", 101, 3   },
        {"something in the gap",         102, 1   },
        {"something behind it",          103, 1   },
        {"something behind the id",      167, 'x' },
        {"a comma at the end",           190, ',' },
        {"a comma at the beginning",     168, ',' },
        {"two commas",                   180, ',' },
        {"a letter among message ids",   170, 'a' },
        {"something behind message ids", 251, '1' },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_sent_record record = full_record(), got = {.sequence = 99};
        unsigned char bytes[BH_SENT_RECORD_BYTES];
        bh_sent_record_format(&record, bytes);
        bytes[rows[i].at] = rows[i].byte;
        sign(bytes);
        cr_expect_eq(bh_sent_record_parse(bytes, &got), BH_SENT_DAMAGED, "%s", rows[i].name);
        cr_expect_eq(got.sequence, 99, "%s", rows[i].name);
    }
}

Test(sent_record, has_a_sequence)
{
    struct bh_sent_record record = full_record(), got;
    unsigned char bytes[BH_SENT_RECORD_BYTES] = {0};
    cr_expect_eq(bh_sent_record_parse(bytes, &got), BH_SENT_EMPTY);
    record.sequence = 0;
    bh_sent_record_format(&record, bytes);
    cr_expect_eq(bh_sent_record_parse(bytes, &got), BH_SENT_DAMAGED);
}

Test(sent_record, keeps_as_many_whole_message_ids_as_fit)
{
    static const char ten[] = "1234567890123456789,";
    char many[201] = "", four[101] = "";
    for (int i = 0; i < 10; i++)
        memcpy(many + 20 * i, ten, 21);
    memcpy(four, many, 79);
    const struct {
        const char *name, *list, *wanted;
        bool cut;
    } rows[] = {
        {"none",           "",        "",     false},
        {"one",            "77",      "77",   false},
        {"two",            "77,8",    "77,8", false},
        {"too many",       many,      four,   true },
        {"a comma behind", "77,",     "77",   true },
        {"a comma before", ",77",     "",     true },
        {"two commas",     "1,,2",    "1",    true },
        {"letters",        "1,x",     "1",    true },
        {"something long",
         "111111111111111111111111111111111111111111111111111111111111111111111"
         "1111111111111111111111111", "",     true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_sent_record record = full_record(), got;
        unsigned char bytes[BH_SENT_RECORD_BYTES];
        bh_sent_record_set_message_ids(&record, bh_str_from(rows[i].list));
        cr_expect_str_eq(record.message_ids, rows[i].wanted, "%s", rows[i].name);
        cr_expect_eq(record.message_ids_cut, rows[i].cut, "%s", rows[i].name);
        bh_sent_record_format(&record, bytes);
        cr_expect_eq(bh_sent_record_parse(bytes, &got), BH_SENT_READ, "%s", rows[i].name);
    }
}

Test(sent_record, names_are_digests)
{
    const struct {
        const char *hex;
        bool wanted;
    } rows[] = {
        {"00112233445566778899aabbccddeeff", true },
        {"",                                 false},
        {"00112233445566778899aabbccddee",   false},
        {"0011223344556677889xaabbccddeeff", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_digest digest = {""};
        struct bh_sent_name name = {{0}};
        memcpy(digest.hex, rows[i].hex, strlen(rows[i].hex) + 1);
        cr_expect_eq(bh_sent_name_from(&digest, &name), rows[i].wanted, "%s", rows[i].hex);
        cr_expect_eq(name.bytes[15], rows[i].wanted ? 0xff : 0);
    }
}
