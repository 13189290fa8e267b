#include "core/sent_record.h"

#include <string.h>

#include "core/codec.h"

#define VERSION 1

enum {
    AT_VERSION = 4,
    AT_KIND = 5,
    AT_RESULT = 6,
    AT_MARKS = 7,
    AT_SEQUENCE = 8,
    AT_QUEUE = 16,
    AT_PAYLOAD = 32,
    AT_HANDLE = 48,
    AT_TOKEN = 56,
    AT_TIME = 64,
    AT_UNCERTAIN_SINCE = 72,
    AT_OTHER_HANDLE = 80,
    AT_OTHER_TOKEN = 88,
    AT_ATTEMPTS = 96,
    AT_ID_LENGTH = 100,
    AT_MESSAGE_IDS_LENGTH = 101,
    AT_NOTHING = 102,
    AT_ID = 104,
    AT_MESSAGE_IDS = 168,
    AT_CHECKSUM = 252,
};

enum { MARK_CUT = 1 };

/* Handles and tokens go through Lua, whose numbers are exact up to here. */
#define EXACT_MAX ((uint64_t)1 << 53)

static const unsigned char magic[4] = {'B', 'H', 'S', 'J'};

/* ---- names --------------------------------------------------------------------------------------- */

bool
bh_sent_name_from(const struct bh_digest *digest, struct bh_sent_name *ret_name)
{
    struct bh_sent_name name;
    size_t len;
    if (!bh_hex_decode(bh_str_from(digest->hex), name.bytes, sizeof(name.bytes), &len) ||
        len != sizeof(name.bytes))
        return false;
    *ret_name = name;
    return true;
}

bool
bh_sent_name_equal(const struct bh_sent_name *a, const struct bh_sent_name *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

static void
put_number(unsigned char *bytes, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
}

static uint64_t
get_number(const unsigned char *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* Four bits at a time: the polynomial's table for one nibble, reflected. */
static uint32_t
crc32c(const unsigned char *bytes, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

/* ---- message ids --------------------------------------------------------------------------------- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void
bh_sent_record_set_message_ids(struct bh_sent_record *record, struct bh_str list)
{
    size_t kept = 0, at = 0;
    while (at < list.len && is_digit(list.ptr[at])) {
        while (at < list.len && is_digit(list.ptr[at]))
            at++;
        if (at > BH_SENT_MESSAGE_IDS_MAX)
            break;
        kept = at;
        if (at < list.len && list.ptr[at] == ',')
            at++;
        else
            break;
    }
    if (kept > 0)
        memcpy(record->message_ids, list.ptr, kept);
    record->message_ids[kept] = '\0';
    record->message_ids_cut = kept < list.len;
}

/* Whole ids with one comma in between, as the function above leaves them. */
static bool
are_message_ids(const char *text)
{
    if (text[0] == '\0')
        return true;
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool between = i > 0 && text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1]);
        if (!is_digit(text[i]) && !between)
            return false;
    }
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------- */

void
bh_sent_record_sign(unsigned char *bytes)
{
    put_number(bytes + AT_CHECKSUM, 4, crc32c(bytes, AT_CHECKSUM));
}

void
bh_sent_record_format(const struct bh_sent_record *record, unsigned char *bytes)
{
    size_t id_len = strlen(record->id), ids_len = strlen(record->message_ids);
    memset(bytes, 0, BH_SENT_RECORD_BYTES);
    memcpy(bytes, magic, sizeof(magic));
    bytes[AT_VERSION] = VERSION;
    bytes[AT_KIND] = (unsigned char)record->kind;
    bytes[AT_RESULT] = (unsigned char)record->result;
    bytes[AT_MARKS] = record->message_ids_cut ? MARK_CUT : 0;
    put_number(bytes + AT_SEQUENCE, 8, record->sequence);
    memcpy(bytes + AT_QUEUE, record->queue.bytes, BH_SENT_NAME_BYTES);
    memcpy(bytes + AT_PAYLOAD, record->payload.bytes, BH_SENT_NAME_BYTES);
    put_number(bytes + AT_HANDLE, 8, record->handle);
    put_number(bytes + AT_TOKEN, 8, record->token);
    put_number(bytes + AT_TIME, 8, (uint64_t)record->at.ms);
    put_number(bytes + AT_UNCERTAIN_SINCE, 8, (uint64_t)record->uncertain_since.ms);
    put_number(bytes + AT_OTHER_HANDLE, 8, record->other_handle);
    put_number(bytes + AT_OTHER_TOKEN, 8, record->other_token);
    put_number(bytes + AT_ATTEMPTS, 4, record->attempts);
    bytes[AT_ID_LENGTH] = (unsigned char)id_len;
    bytes[AT_MESSAGE_IDS_LENGTH] = (unsigned char)ids_len;
    memcpy(bytes + AT_ID, record->id, id_len);
    memcpy(bytes + AT_MESSAGE_IDS, record->message_ids, ids_len);
    bh_sent_record_sign(bytes);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool
all_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* `len` characters without NUL, then nothing but zeros up to `room`; `text` has one byte more than that. */
static bool
get_text(const unsigned char *bytes, size_t len, size_t room, char *text)
{
    if (len > room || memchr(bytes, '\0', len) != NULL || !all_zero(bytes + len, room - len))
        return false;
    memcpy(text, bytes, len);
    text[len] = '\0';
    return true;
}

static bool
get_head(const unsigned char *bytes, struct bh_sent_record *record)
{
    unsigned kind = bytes[AT_KIND], result = bytes[AT_RESULT], marks = bytes[AT_MARKS];
    if (memcmp(bytes, magic, sizeof(magic)) != 0 || bytes[AT_VERSION] != VERSION ||
        get_number(bytes + AT_CHECKSUM, 4) != crc32c(bytes, AT_CHECKSUM))
        return false;
    if (kind < BH_SENT_BEGUN || kind > BH_SENT_DOUBT || result > BH_SENT_UNCERTAIN ||
        marks > MARK_CUT || bytes[AT_NOTHING] != 0 || bytes[AT_NOTHING + 1] != 0)
        return false;
    record->kind = (enum bh_sent_kind)kind;
    record->result = (enum bh_sent_result)result;
    record->message_ids_cut = marks == MARK_CUT;
    return true;
}

static bool
get_times(const unsigned char *bytes, struct bh_sent_record *record)
{
    uint64_t at = get_number(bytes + AT_TIME, 8), since = get_number(bytes + AT_UNCERTAIN_SINCE, 8);
    if (at > INT64_MAX || since > INT64_MAX)
        return false;
    record->at.ms = (int64_t)at;
    record->uncertain_since.ms = (int64_t)since;
    return true;
}

enum bh_sent_reading
bh_sent_record_parse(const unsigned char *bytes, struct bh_sent_record *ret_record)
{
    struct bh_sent_record record = {0};
    if (all_zero(bytes, BH_SENT_RECORD_BYTES))
        return BH_SENT_EMPTY;
    if (!get_head(bytes, &record) || !get_times(bytes, &record) ||
        !get_text(bytes + AT_ID, bytes[AT_ID_LENGTH], BH_JOB_ID_MAX, record.id) ||
        !get_text(bytes + AT_MESSAGE_IDS, bytes[AT_MESSAGE_IDS_LENGTH], BH_SENT_MESSAGE_IDS_MAX,
                  record.message_ids) ||
        !are_message_ids(record.message_ids))
        return BH_SENT_DAMAGED;
    record.sequence = get_number(bytes + AT_SEQUENCE, 8);
    memcpy(record.queue.bytes, bytes + AT_QUEUE, BH_SENT_NAME_BYTES);
    memcpy(record.payload.bytes, bytes + AT_PAYLOAD, BH_SENT_NAME_BYTES);
    record.handle = get_number(bytes + AT_HANDLE, 8);
    record.token = get_number(bytes + AT_TOKEN, 8);
    record.other_handle = get_number(bytes + AT_OTHER_HANDLE, 8);
    record.other_token = get_number(bytes + AT_OTHER_TOKEN, 8);
    record.attempts = (uint32_t)get_number(bytes + AT_ATTEMPTS, 4);
    if (record.sequence == 0 || record.sequence > INT64_MAX || record.handle > EXACT_MAX ||
        record.token > EXACT_MAX || record.other_handle > EXACT_MAX ||
        record.other_token > EXACT_MAX)
        return BH_SENT_DAMAGED;
    *ret_record = record;
    return BH_SENT_READ;
}
