#include "core/digest.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/codec.h"

#define LENGTH_BYTES 8

/* Its length in eight bytes, most significant first, then the piece. */
static bool
update_with_piece(EVP_MD_CTX *context, struct bh_str piece)
{
    unsigned char length[LENGTH_BYTES];
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        length[i] = (unsigned char)((uint64_t)piece.len >> (8 * (LENGTH_BYTES - 1 - i)));
    return EVP_DigestUpdate(context, length, sizeof(length)) == 1 &&
           EVP_DigestUpdate(context, piece.ptr, piece.len) == 1;
}

enum bh_status
bh_digest_pieces(const struct bh_str *pieces, size_t pieces_len, struct bh_digest *ret_digest)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < pieces_len; i++)
        ok = update_with_piece(context, pieces[i]);
    ok = ok && EVP_DigestFinal_ex(context, hash, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!ok)
        return BH_ENOMEM;
    bh_hex_write(hash, sizeof(ret_digest->hex) / 2, ret_digest->hex);
    return BH_OK;
}

enum bh_status
bh_md5_hex(struct bh_str message, struct bh_digest *ret_digest)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len;
    EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    if (md5 == NULL)
        return BH_ENOTFOUND;
    int ok = EVP_Digest(message.ptr, message.len, hash, &len, md5, NULL);
    EVP_MD_free(md5);
    if (ok != 1)
        return BH_ENOMEM;
    bh_hex_write(hash, len, ret_digest->hex);
    return BH_OK;
}

enum bh_status
bh_hmac_sha256_hex(struct bh_str key, struct bh_str message, struct bh_sha256_hex *ret_mac)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;
    /* The library takes a NULL key for "the same as before". */
    const char *key_bytes = key.len > 0 ? key.ptr : "";
    BH_ASSERT(key.len <= INT_MAX);
    if (HMAC(EVP_sha256(), key_bytes, (int)key.len, (const unsigned char *)message.ptr, message.len,
             mac, &len) == NULL)
        return BH_ENOMEM;
    bh_hex_write(mac, len, ret_mac->hex);
    return BH_OK;
}

bool
bh_secret_equal(struct bh_str a, struct bh_str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
