#include <criterion/criterion.h>

#include "core/signing.h"

#define KEY  BH_STR_LITERAL("sekret")
#define BODY "{\"text\":\"signed\",\"to\":\"49179999999999\"}"

/* Signatures that the vendor's own client made. */
Test(signing, agrees_with_the_vendors_client)
{
    char signature[BH_SIGNATURE_BYTES];
    struct bh_signing_parts post = {
        .timestamp_s = 1795316484,
        .nonce = BH_STR_LITERAL("67gpa0q6i4wchdx727kzpxyy4vdbxfco"),
        .method = BH_STR_LITERAL("POST"),
        .url = BH_STR_LITERAL("http://127.0.0.1:18080/api/sms"),
        .body = BH_STR_LITERAL(BODY),
    };
    cr_assert_eq(bh_signing_sign(KEY, &post, signature), BH_OK);
    cr_expect_str_eq(signature, "6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8");

    struct bh_signing_parts get = {
        .timestamp_s = 1795316485,
        .nonce = BH_STR_LITERAL("o5yulq4uwm1ro69chejynerien5sks3j"),
        .method = BH_STR_LITERAL("GET"),
        .url = BH_STR_LITERAL("http://127.0.0.1:18080/api/status?msg_id=1"),
    };
    cr_assert_eq(bh_signing_sign(KEY, &get, signature), BH_OK);
    cr_expect_str_eq(signature, "6b9e57666b55c869101f599b63017b253ad74a76a602084ea8b4d6757177b153");
}

Test(signing, changes_with_every_part)
{
    struct bh_signing_parts base = {
        .timestamp_s = 1,
        .nonce = BH_STR_LITERAL("n"),
        .method = BH_STR_LITERAL("POST"),
        .url = BH_STR_LITERAL("http://h/a"),
        .body = BH_STR_LITERAL("b"),
    };
    struct bh_signing_parts rows[5];
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        rows[i] = base;
    rows[0].timestamp_s = 2;
    rows[1].nonce = BH_STR_LITERAL("m");
    rows[2].method = BH_STR_LITERAL("PUT");
    rows[3].url = BH_STR_LITERAL("http://h/a?");
    rows[4].body = (struct bh_str){"b\0", 2};

    char wanted[BH_SIGNATURE_BYTES], signature[BH_SIGNATURE_BYTES];
    cr_assert_eq(bh_signing_sign(KEY, &base, wanted), BH_OK);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        cr_assert_eq(bh_signing_sign(KEY, &rows[i], signature), BH_OK);
        cr_expect_str_neq(signature, wanted, "row %zu", i);
    }
    cr_assert_eq(bh_signing_sign(BH_STR_LITERAL("Sekret"), &base, signature), BH_OK);
    cr_expect_str_neq(signature, wanted);
    cr_assert_eq(bh_signing_sign((struct bh_str){NULL, 0}, &base, signature), BH_OK);
    cr_expect_str_neq(signature, wanted);
}

Test(signing, refuses_an_address_that_is_too_long_and_writes_nothing)
{
    static char url[70 * 1024];
    memset(url, 'a', sizeof(url));
    struct bh_signing_parts parts = {
        .url = {url, sizeof(url)}
    };
    char signature[BH_SIGNATURE_BYTES] = "untouched";
    cr_expect_eq(bh_signing_sign(KEY, &parts, signature), BH_ETOOBIG);
    cr_expect_str_eq(signature, "untouched");
}

Test(signing, knows_a_nonce)
{
    static const struct {
        const char *nonce;
        bool valid;
    } rows[] = {
        {"67gpa0q6i4wchdx727kzpxyy4vdbxfco",  true },
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",  true },
        {"67gpa0q6i4wchdx727kzpxyy4vdbxfc",   false},
        {"67gpa0q6i4wchdx727kzpxyy4vdbxfcoo", false},
        {"67gpa0q6i4wchdx727kzpxyy4vdbxf-o",  false},
        {"67gpa0q6i4wchdx727kzpxyy4vdbxf\ro", false},
        {"67gpa0q6i4wchdx727kzpxyy4vdbxf\xff"
         "o",                        false},
        {"",                                  false},
        {NULL,                                false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_signing_nonce_is_valid(bh_str_from(rows[i].nonce)), rows[i].valid,
                     "row %zu", i);
}
