#include "core/uuid.h"

#include <string.h>

#include "core/base.h"
#include "core/codec.h"

#define UUID_BYTES 16

struct bh_uuid_text
bh_uuid7_format(struct bh_wall now, const unsigned char random[BH_UUID_RANDOM_BYTES])
{
    static const size_t group_bytes[] = {4, 2, 2, 2, 6};
    unsigned char uuid[UUID_BYTES];
    uint64_t ms = now.ms > 0 ? (uint64_t)now.ms : 0;
    for (size_t i = 0; i < 6; i++)
        uuid[i] = (unsigned char)(ms >> (40 - 8 * i));
    memcpy(uuid + 6, random, BH_UUID_RANDOM_BYTES);
    uuid[6] = (unsigned char)(0x70 | (uuid[6] & 0x0F)); /* version 7 */
    uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3F)); /* variant of the RFC */

    struct bh_uuid_text formatted = {.text = ""};
    char *out = formatted.text;
    const unsigned char *in = uuid;
    for (size_t i = 0; i < BH_ARRAY_LEN(group_bytes); i++) {
        if (i > 0)
            *out++ = '-';
        bh_hex_write(in, group_bytes[i], out);
        in += group_bytes[i];
        out += 2 * group_bytes[i];
    }
    return formatted;
}
