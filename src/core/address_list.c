#include "core/address_list.h"

#include <string.h>

#include "core/ascii.h"
#include "core/fault.h"

/* Where the IPv4 address begins in one that is mapped. */
#define MAPPED_BITS 96

static const unsigned char mapped[MAPPED_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* Decimal without needless zeros, at most `max`, up to three digits. */
static bool
parse_number(struct bh_str text, unsigned max, unsigned *ret_number)
{
    int64_t number;
    if (text.len == 0 || text.len > 3 || !bh_is_digit(text.ptr[0]) ||
        (text.ptr[0] == '0' && text.len > 1) || !bh_str_to_int64(text, &number) || number > max)
        return false;
    *ret_number = (unsigned)number;
    return true;
}

static bool
parse_v4(struct bh_str text, unsigned char ret_bytes[4])
{
    struct bh_str rest = text, piece;
    unsigned number;
    for (size_t i = 0; i < 4; i++) {
        if (!bh_str_split(&rest, '.', &piece) || !parse_number(piece, 255, &number))
            return false;
        ret_bytes[i] = (unsigned char)number;
    }
    return rest.ptr == NULL;
}

/* One to four hex digits. */
static bool
parse_group(struct bh_str text, unsigned char ret_bytes[2])
{
    unsigned number = 0;
    if (text.len == 0 || text.len > 4)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = bh_hex_value(text.ptr[i]);
        if (digit < 0)
            return false;
        number = number * 16 + (unsigned)digit;
    }
    ret_bytes[0] = (unsigned char)(number >> 8);
    ret_bytes[1] = (unsigned char)(number & 0xFF);
    return true;
}

/*
 * Groups with single colons between them, the last two possibly as an IPv4 address; *ret_len: their bytes, 16 at most.  An
 * empty text has none.
 */
static bool
parse_groups(struct bh_str text, unsigned char ret_bytes[16], size_t *ret_len)
{
    struct bh_str rest = text.len > 0 ? text : (struct bh_str){NULL, 0}, piece;
    size_t len = 0;
    while (bh_str_split(&rest, ':', &piece)) {
        if (rest.ptr == NULL && len <= 12 && parse_v4(piece, ret_bytes + len)) {
            len += 4;
        } else if (len <= 14 && parse_group(piece, ret_bytes + len)) {
            len += 2;
        } else {
            return false;
        }
    }
    *ret_len = len;
    return true;
}

/* RFC 4291, 2.2: eight groups, or fewer around one "::" that stands for a group of zeros at least. */
static bool
parse_v6(struct bh_str text, unsigned char ret_bytes[16])
{
    unsigned char front[16], back[16];
    size_t front_len, back_len, at = 0;
    while (at + 1 < text.len && !(text.ptr[at] == ':' && text.ptr[at + 1] == ':'))
        at++;
    if (at + 1 >= text.len)
        return parse_groups(text, ret_bytes, &front_len) && front_len == 16;
    const struct bh_str before = {text.ptr, at}, behind = {text.ptr + at + 2, text.len - at - 2};
    /* An IPv4 address stands at the end only. */
    if (memchr(before.ptr, '.', before.len) != NULL || !parse_groups(before, front, &front_len) ||
        !parse_groups(behind, back, &back_len) || front_len + back_len > 14)
        return false;
    memset(ret_bytes, 0, 16);
    memcpy(ret_bytes, front, front_len);
    memcpy(ret_bytes + 16 - back_len, back, back_len);
    return true;
}

bool
bh_address_parse(struct bh_str text, struct bh_address *ret_address)
{
    struct bh_address address;
    if (text.len == 0)
        return false;
    if (parse_v4(text, address.bytes + sizeof(mapped)))
        memcpy(address.bytes, mapped, sizeof(mapped));
    else if (!parse_v6(text, address.bytes))
        return false;
    *ret_address = address;
    return true;
}

/* The bits from `bits` on become zero. */
static struct bh_address
cut(const struct bh_address *address, unsigned bits)
{
    struct bh_address network = *address;
    for (unsigned at = bits; at < 128; at++)
        network.bytes[at / 8] &= (unsigned char)~(0x80 >> at % 8);
    return network;
}

static enum bh_status
parse_network(struct bh_str text, struct bh_address *ret_address, unsigned *ret_bits,
              struct bh_error *error)
{
    struct bh_address address;
    struct bh_str rest = text, written;
    if (text.len == 0)
        return bh_error_set(error, NULL, "there is nothing between two commas, or at an end");
    (void)bh_str_split(&rest, '/', &written);
    if (!bh_address_parse(written, &address))
        return bh_error_set(error, NULL,
                            "\"%s\" is neither an address nor a network (names are not looked up)",
                            bh_quote(text).text);
    bool as_v4 = memchr(written.ptr, ':', written.len) == NULL;
    unsigned before = as_v4 ? MAPPED_BITS : 0;
    unsigned bits = 128 - before;
    if (rest.ptr != NULL && !parse_number(rest, bits, &bits))
        return bh_error_set(error, NULL,
                            "\"%s\": the length of the network behind the slash goes from 0 to %u",
                            bh_quote(text).text, 128 - before);
    struct bh_address network = cut(&address, before + bits);
    if (memcmp(network.bytes, address.bytes, sizeof(network.bytes)) != 0)
        return bh_error_set(
            error, NULL,
            "\"%s\" is an address inside of a network; the bits behind the first %u "
            "must be zero, or leave the slash out",
            bh_quote(text).text, bits);
    *ret_address = network;
    *ret_bits = before + bits;
    return BH_OK;
}

enum bh_status
bh_address_list_parse(struct bh_str text, struct bh_address_list *ret_list, struct bh_error *error)
{
    struct bh_address_list list = {.count = 0};
    struct bh_str rest = bh_str_trim(text), piece;
    if (rest.len == 0)
        rest = (struct bh_str){NULL, 0};
    while (bh_str_split(&rest, ',', &piece)) {
        if (list.count == BH_ADDRESS_LIST_MAX)
            return bh_error_set(error, NULL, "there are more than %d addresses",
                                BH_ADDRESS_LIST_MAX);
        enum bh_status status =
            parse_network(bh_str_trim(piece), &list.networks[list.count].address,
                          &list.networks[list.count].bits, error);
        if (status != BH_OK)
            return status;
        list.count++;
    }
    *ret_list = list;
    return BH_OK;
}

bool
bh_address_list_has(const struct bh_address_list *list, struct bh_str text)
{
    struct bh_address address;
    if (list->count == 0)
        return true;
    if (!bh_address_parse(text, &address))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct bh_address network = cut(&address, list->networks[i].bits);
        if (memcmp(network.bytes, list->networks[i].address.bytes, sizeof(network.bytes)) == 0)
            return true;
    }
    return false;
}
