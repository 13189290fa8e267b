/*
 * picture_text - a picture in lines for people; `bellhop status` prints them, `bellhop top` draws them.
 *
 * Nothing of a stranger steers the terminal: values go through bh_display_append.
 */
#ifndef BH_CLI_PICTURE_TEXT_H
#define BH_CLI_PICTURE_TEXT_H

#include "cli/display.h"
#include "cli/picture.h"

/* One line each without a line feed at the end; nothing when nothing is known. */
void bh_picture_append_verdict(struct bh_buf *buf, const struct bh_judgement *verdict);
void bh_picture_append_server(struct bh_buf *buf, const struct bh_picture *picture);
void bh_picture_append_account(struct bh_buf *buf, const struct bh_picture *picture);
void bh_picture_append_gateway(struct bh_buf *buf, const struct bh_picture *picture);
void bh_picture_append_workers(struct bh_buf *buf, const struct bh_picture *picture);

/* "100: 512, 202: 3" of all queues within that time; "-" for none, "?" when no minute reaches back. */
void bh_picture_append_codes(struct bh_buf *buf, const struct bh_picture *picture, bh_ms window_ms);

/* "credit 5, reload_lock 1"; nothing when nothing is held. */
void bh_picture_append_held(struct bh_buf *buf, const struct bh_picture_queue *queue);

struct bh_cell_text {
    char text[32];
};

/* "12", "12.3", "0.04" per second of thousandths; "-" for nothing. */
struct bh_cell_text bh_rate_text(int64_t milli);

/* "3 min 5 s", "never", "?" or "-" for a queue that is empty. */
struct bh_cell_text bh_drain_text(const struct bh_picture_queue *queue);

/* Microseconds as "850 us", "12 ms", "1.4 s"; "-" for -1. */
struct bh_cell_text bh_latency_text(int64_t us);

enum bh_style bh_gravity_style(enum bh_gravity gravity);

/* "open", "paused", "on trial" */
const char *bh_account_word(const struct bh_account_view *account);

#endif
