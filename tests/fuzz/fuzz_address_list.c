/*
 * A list, a line feed, an address.
 *
 * Properties: an address is what inet_pton takes for one, with the same bytes; what is refused is told in a sentence; what is an address is in the list of itself alone, and in the
 * list of all addresses; and a list that has networks does not have what is no address.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "core/address_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static void
compare_with_system(struct bh_str text)
{
    char written[64];
    unsigned char bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    struct bh_address address;
    if (text.len >= sizeof(written) || memchr(text.ptr, '\0', text.len) != NULL)
        return;
    memcpy(written, text.ptr, text.len);
    written[text.len] = '\0';
    bool wanted = inet_pton(AF_INET, written, bytes + 12) == 1;
    if (!wanted)
        wanted = inet_pton(AF_INET6, written, bytes) == 1;
    bool got = bh_address_parse(text, &address);
    REQUIRE(got == wanted);
    REQUIRE(!got || memcmp(bytes, address.bytes, 16) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_str rest = {(const char *)data, size}, text;
    struct bh_address_list list, own;
    struct bh_address address;
    struct bh_error error = {"", ""};
    if (size == 0)
        return 0;
    (void)bh_str_split(&rest, '\n', &text);
    if (rest.ptr != NULL)
        compare_with_system(rest);
    enum bh_status status = bh_address_list_parse(text, &list, &error);
    REQUIRE(status == BH_OK || (status == BH_EINVAL && error.text[0] != '\0'));
    if (status == BH_OK) {
        REQUIRE(list.count <= BH_ADDRESS_LIST_MAX);
        for (size_t i = 0; i < list.count; i++)
            REQUIRE(list.networks[i].bits <= 128);
    }
    if (bh_address_parse(rest, &address)) {
        REQUIRE(bh_address_list_parse(rest, &own, NULL) == BH_OK && own.count == 1);
        REQUIRE(own.networks[0].bits == 128 && bh_address_list_has(&own, rest));
        REQUIRE(bh_address_list_parse(BH_STR_LITERAL("::/0"), &own, NULL) == BH_OK);
        REQUIRE(bh_address_list_has(&own, rest));
        if (status == BH_OK)
            (void)bh_address_list_has(&list, rest);
    } else if (status == BH_OK) {
        REQUIRE(bh_address_list_has(&list, rest) == (list.count == 0));
    }
    return 0;
}
