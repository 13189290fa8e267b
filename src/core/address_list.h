/*
 * address_list - which network addresses somebody may come from.
 *
 * Written as "192.0.2.7, 198.51.100.0/24, 2001:db8::/32": addresses and networks, separated by commas, blanks around them.
 * An address is four decimal numbers without needless zeros, or as in RFC 4291, 2.2; no names, no scopes, no brackets.  Of a network the bits behind its length must be zero, because whoever writes others has mistaken one
 * of the two.  An IPv4 address and the same one mapped into IPv6 (::ffff:192.0.2.7) are the same address.
 *
 * An empty list stands for everybody.
 */
#ifndef BH_CORE_ADDRESS_LIST_H
#define BH_CORE_ADDRESS_LIST_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

#define BH_ADDRESS_LIST_MAX 64

/* IPv4 is kept mapped into IPv6. */
struct bh_address {
    unsigned char bytes[16];
};

struct bh_address_list {
    struct {
        struct bh_address address;
        unsigned bits; /* of it that count, 0 to 128 */
    } networks[BH_ADDRESS_LIST_MAX];
    size_t count; /* 0: everybody */
};

bool bh_address_parse(struct bh_str text, struct bh_address *ret_address);

/* BH_EINVAL: `error` (may be NULL) says which piece is wrong, and how. */
enum bh_status bh_address_list_parse(struct bh_str text, struct bh_address_list *ret_list,
                                     struct bh_error *error) BH_MUST_CHECK;

/* `text` is one address; what is none is in no list but an empty one. */
bool bh_address_list_has(const struct bh_address_list *list, struct bh_str text);

#endif
