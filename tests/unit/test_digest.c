#include <criterion/criterion.h>

#include <string.h>

#include "core/digest.h"

Test(digest, names_pieces_so_that_their_borders_count)
{
    const struct {
        struct bh_str pieces[3];
        size_t len;
        const char *wanted;
    } rows[] = {
        {{{NULL, 0}},                                 0, "e3b0c44298fc1c149afbf4c8996fb924"},
        {{{NULL, 0}},                                 1, "af5570f5a1810b7af78caf4bc70a660f"},
        {{BH_STR_LITERAL(""), BH_STR_LITERAL("")},    2, "374708fff7719dd5979ec875d56cd228"},
        {{BH_STR_LITERAL("ab"), BH_STR_LITERAL("c")}, 2, "601d5476e2ccfe2c87a2bba7a3226597"},
        {{BH_STR_LITERAL("a"), BH_STR_LITERAL("bc")}, 2, "3fafa1cf2f19a7c1129beb20cf0983f7"},
        {{BH_STR_LITERAL("abc")},                     1, "c3494ca1a2cf8eeb8a11ded316fb55b8"},
        {{BH_STR_LITERAL("sms"), BH_STR_LITERAL("49171999999999"),
          BH_STR_LITERAL("Gr\xC3\xBC\xC3\x9F"
                         "e \xE2\x82\xAC")},
         3,                                              "de839ef63871568ae2aaa1ea96049a31"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_digest got;
        cr_expect_eq(bh_digest_pieces(rows[i].pieces, rows[i].len, &got), BH_OK);
        cr_expect_str_eq(got.hex, rows[i].wanted, "row %zu: %s", i, got.hex);
    }
}

Test(digest, hashes_as_the_rfcs_do)
{
    const struct {
        struct bh_str message;
        const char *md5; /* RFC 1321 appendix A.5 */
    } rows[] = {
        {{NULL, 0},                        "d41d8cd98f00b204e9800998ecf8427e"},
        {BH_STR_LITERAL("a"),              "0cc175b9c0f1b6a831c399e269772661"},
        {BH_STR_LITERAL("message digest"), "f96b697d7cb7938d525a2f31aaf161d0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_digest got;
        cr_expect_eq(bh_md5_hex(rows[i].message, &got), BH_OK);
        cr_expect_str_eq(got.hex, rows[i].md5, "row %zu: %s", i, got.hex);
    }
}

Test(digest, authenticates_as_rfc_4231_does)
{
    char long_key[131];
    memset(long_key, 0xAA, sizeof(long_key));
    const struct {
        struct bh_str key;
        struct bh_str message;
        const char *wanted;
    } rows[] = {
        {BH_STR_LITERAL(
             "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
         BH_STR_LITERAL("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"                                                                                                                                                  },
        {BH_STR_LITERAL("Jefe"),                                                                           BH_STR_LITERAL("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"                                                                                                                                                  },
        {{long_key, sizeof(long_key)},
         BH_STR_LITERAL("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"                                                                                                                                                  },
        {{NULL, 0},                                                                                        {NULL, 0},                                      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_sha256_hex got;
        cr_expect_eq(bh_hmac_sha256_hex(rows[i].key, rows[i].message, &got), BH_OK);
        cr_expect_str_eq(got.hex, rows[i].wanted, "row %zu: %s", i, got.hex);
    }
}

Test(digest, compares_secrets)
{
    const struct {
        struct bh_str a;
        struct bh_str b;
        bool equal;
    } rows[] = {
        {BH_STR_LITERAL("token"), BH_STR_LITERAL("token"), true },
        {BH_STR_LITERAL("token"), BH_STR_LITERAL("tokem"), false},
        {BH_STR_LITERAL("token"), BH_STR_LITERAL("Token"), false},
        {BH_STR_LITERAL("token"), BH_STR_LITERAL("toke"),  false},
        {BH_STR_LITERAL("toke"),  BH_STR_LITERAL("token"), false},
        {BH_STR_LITERAL("a\0b"),  BH_STR_LITERAL("a\0c"),  false},
        {BH_STR_LITERAL("token"), {NULL, 0},               false},
        {{NULL, 0},               BH_STR_LITERAL(""),      true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_secret_equal(rows[i].a, rows[i].b), rows[i].equal, "row %zu", i);
}
