/*
 * signing - the gateway's request signatures, checked here and made for webhooks.
 *
 * HMAC-SHA256 under the account's signing key, lower-case hex, over five lines joined by single line
 * feeds without a last one: timestamp, nonce, method, full URL, MD5 of the raw body in hex (the gateway's
 * signing page).
 */
#ifndef BH_SIM_SIGNING_H
#define BH_SIM_SIGNING_H

#include "sim/world.h"

#define BH_SIM_MD5_HEX       33 /* with the NUL */
#define BH_SIM_SIGNATURE_HEX 65
#define BH_SIM_NONCE_LEN     32
#define BH_SIM_SIGNING_AGE_S 30

void bh_sim_md5_hex(struct bh_sim_str text, char ret_hex[BH_SIM_MD5_HEX]);

struct bh_sim_signed {
    struct bh_sim_str timestamp, nonce, method, url, body;
};

void bh_sim_signing_make(const char *key, const struct bh_sim_signed *parts,
                         char ret_hex[BH_SIM_SIGNATURE_HEX]);

/* 32 letters and digits from the dice. */
void bh_sim_signing_nonce(uint64_t *dice, char ret_nonce[BH_SIM_NONCE_LEN + 1]);

/*
 * Unsigned requests pass unless signing is required.  A signature has to be right, its timestamp at most
 * 30 s old (and as little ahead: a nonce must be remembered as long as its timestamp lives), its nonce new.
 */
bool bh_sim_signing_check(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

#endif
