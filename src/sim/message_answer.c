#include "sim/message_answer.h"

/* For error_text. */
static const char *
code_text(int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        {11,  "carrier temporarily not available"                },
        {100, "accepted"                                         },
        {101, "sending to at least one recipient failed"         },
        {201, "sender invalid"                                   },
        {202, "recipient invalid"                                },
        {300, "credentials missing"                              },
        {301, "recipient missing"                                },
        {305, "text missing"                                     },
        {400, "type invalid"                                     },
        {401, "text too long"                                    },
        {402, "reload lock: already sent within the last seconds"},
        {403, "daily limit for this recipient reached"           },
        {500, "too little credit"                                },
        {600, "carrier delivery failed"                          },
        {700, "unknown error"                                    },
        {900, "authentication failed"                            },
        {901, "signature verification failed"                    },
        {902, "no right to this endpoint"                        },
        {903, "server address not allowed"                       },
    };
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(texts); at++)
        if (texts[at].code == code)
            return texts[at].text;
    return "an error has occurred";
}

bh_sim_money
bh_sim_total_price(const struct bh_sim_exchange *exchange)
{
    bh_sim_money total = 0;
    for (size_t at = 0; at < exchange->results_count; at++)
        total += exchange->results[at].price;
    return total;
}

void
bh_sim_answer_open(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                   bh_sim_money balance)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    bh_sim_answer_json(world, exchange);
    bh_sim_buf_printf(buf, "{\"success\":\"%d\",\"total_price\":", exchange->answer.code);
    bh_sim_money_print(buf, bh_sim_total_price(exchange));
    bh_sim_buf_text(buf, ",\"balance\":");
    bh_sim_money_print(buf, balance);
    bh_sim_buf_text(buf, ",\"debug\":");
}

void
bh_sim_message_open(struct bh_sim_buf *buf, const struct bh_sim_result *result, const char *quote,
                    struct bh_sim_str from, struct bh_sim_str text)
{
    bh_sim_buf_text(buf, "{\"id\":");
    if (result->id > 0)
        bh_sim_buf_printf(buf, "%s%lld%s", quote, (long long)result->id, quote);
    else
        bh_sim_buf_text(buf, "null");
    bh_sim_buf_text(buf, ",\"sender\":");
    bh_sim_json_string(buf, from);
    bh_sim_buf_text(buf, ",\"recipient\":");
    bh_sim_json_string_or_null(buf, result->number);
    bh_sim_buf_text(buf, ",\"text\":");
    bh_sim_json_string(buf, text);
}

void
bh_sim_message_close(struct bh_sim_buf *buf, const struct bh_sim_result *result)
{
    bh_sim_buf_text(buf, ",\"price\":");
    bh_sim_money_print(buf, result->price);
    bh_sim_buf_text(buf, ",\"success\":");
    bh_sim_json_bool(buf, result->code == 100);
    if (result->code == 100) {
        bh_sim_buf_text(buf, ",\"error\":null,\"error_text\":null}");
        return;
    }
    bh_sim_buf_printf(buf, ",\"error\":%d,\"error_text\":", result->code);
    bh_sim_json_text(buf, code_text(result->code));
    bh_sim_buf_char(buf, '}');
}
