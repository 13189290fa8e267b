#include "gateway/stamp.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "core/codec.h"

enum bh_status
bh_gateway_stamp_now(struct bh_gateway_stamp_text *text, struct bh_gateway_stamp *ret_stamp)
{
    uint8_t random[BH_NONCE_LEN / 2];
    struct timespec now;
    ssize_t got;
    do {
        got = getrandom(random, sizeof(random), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(random) || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return BH_EIO;
    bh_hex_write(random, sizeof(random), text->nonce);
    *ret_stamp = (struct bh_gateway_stamp){text->nonce, (int64_t)now.tv_sec};
    return BH_OK;
}
