/*
 * digest - hashes in lower-case hex, by libcrypto: names for keys, and what the gateway's request
 * signing needs.
 *
 * All of these may fail: BH_ENOTFOUND when the library does not offer the hash (MD5 where only
 * approved ones are allowed), BH_ENOMEM otherwise.
 */
#ifndef BH_CORE_DIGEST_H
#define BH_CORE_DIGEST_H

#include "core/base.h"
#include "core/str.h"

struct bh_digest {
    char hex[33]; /* 128 bits, NUL-terminated */
};

struct bh_sha256_hex {
    char hex[65];
};

/*
 * One name for several pieces: the first half of the SHA-256 of each piece with its length in
 * front.  The lengths keep ("ab", "c") and ("a", "bc") apart.  128 bits are enough for names in a
 * ledger where nobody gains by a collision that takes 2^64 tries.
 *
 * The names of running queues depend on it: a change makes workers of both versions blind to each
 * other's keys.
 */
enum bh_status bh_digest_pieces(const struct bh_str *pieces, size_t pieces_len,
                                struct bh_digest *ret_digest) BH_MUST_CHECK;

/* Not for secrets: the gateway's signing asks for the MD5 of the body. */
enum bh_status bh_md5_hex(struct bh_str message, struct bh_digest *ret_digest) BH_MUST_CHECK;

enum bh_status bh_hmac_sha256_hex(struct bh_str key, struct bh_str message,
                                  struct bh_sha256_hex *ret_mac) BH_MUST_CHECK;

/*
 * Are two secrets equal?  The time that it takes tells whether the lengths are, and nothing about
 * the content.
 */
bool bh_secret_equal(struct bh_str a, struct bh_str b);

#endif
