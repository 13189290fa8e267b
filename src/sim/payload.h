/*
 * payload - the "data" of a webhook, built once for all of its forms.  Pure.
 */
#ifndef BH_SIM_PAYLOAD_H
#define BH_SIM_PAYLOAD_H

#include "sim/params.h"

struct bh_sim_payload {
    struct bh_sim_buf json;      /* owned; members without the braces */
    struct bh_sim_params fields; /* owned */
};

void bh_sim_payload_release(struct bh_sim_payload *payload);

/* Add a member, as a JSON string or as the number that `value` shows. */
void bh_sim_payload_string(struct bh_sim_payload *payload, const char *name,
                           struct bh_sim_str value);
void bh_sim_payload_number(struct bh_sim_payload *payload, const char *name,
                           struct bh_sim_str value);

/* Append msg_id=1&status=... or, nested, data[msg_id]=1&data[status]=..., URL-encoded. */
void bh_sim_payload_form(const struct bh_sim_payload *payload, bool nested, struct bh_sim_buf *buf);

/* Append the event and its time to a form. */
void bh_sim_payload_form_event(const char *event, int64_t now_ms, struct bh_sim_buf *buf);

/* Append {"data":{...},"webhook_event":...,"webhook_timestamp":...}. */
void bh_sim_payload_json(const struct bh_sim_payload *payload, const char *event, int64_t now_ms,
                         struct bh_sim_buf *buf);

#endif
