#include <criterion/criterion.h>

#include "core/gateway_code.h"

Test(gateway_code, gives_each_code_its_action_and_schedule)
{
    static const struct {
        int code;
        enum bh_code_action action;
        const char *retry;
    } rows[] = {
        {100, BH_ACTION_ACCEPT,             NULL          },
        {101, BH_ACTION_READ_RECIPIENTS,    NULL          },
        {11,  BH_ACTION_RETRY_CARRIER_SLOW, "2m, 10m, 30m"},
        {201, BH_ACTION_REJECT,             NULL          },
        {202, BH_ACTION_REJECT,             NULL          },
        {301, BH_ACTION_REJECT,             NULL          },
        {305, BH_ACTION_REJECT,             NULL          },
        {401, BH_ACTION_REJECT,             NULL          },
        {802, BH_ACTION_REJECT,             NULL          },
        {402, BH_ACTION_RELOAD_LOCK,        NULL          },
        {403, BH_ACTION_DAILY_LIMIT,        NULL          },
        {500, BH_ACTION_PAUSE_CREDIT,       NULL          },
        {600, BH_ACTION_RETRY_CARRIER,      "60s, 5m, 15m"},
        {700, BH_ACTION_UNCERTAIN,          NULL          },
        {801, BH_ACTION_UNCERTAIN,          NULL          },
        {900, BH_ACTION_PAUSE_AUTH,         NULL          },
        {901, BH_ACTION_PAUSE_AUTH,         NULL          },
        {902, BH_ACTION_PAUSE_AUTH,         NULL          },
        {903, BH_ACTION_PAUSE_AUTH,         NULL          },
        {300, BH_ACTION_UNCLASSIFIED,       NULL          },
        {302, BH_ACTION_UNCLASSIFIED,       NULL          },
        {303, BH_ACTION_UNCLASSIFIED,       NULL          },
        {304, BH_ACTION_UNCLASSIFIED,       NULL          },
        {306, BH_ACTION_UNCLASSIFIED,       NULL          },
        {307, BH_ACTION_UNCLASSIFIED,       NULL          },
        {308, BH_ACTION_UNCLASSIFIED,       NULL          },
        {400, BH_ACTION_UNCLASSIFIED,       NULL          },
        {803, BH_ACTION_UNCLASSIFIED,       NULL          },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_gateway_code *row = bh_gateway_code_find(rows[i].code);
        cr_expect_eq(row->code, rows[i].code, "%d", rows[i].code);
        cr_expect_eq(row->action, rows[i].action, "%d", rows[i].code);
        if (rows[i].retry == NULL)
            cr_expect_null(row->retry, "%d", rows[i].code);
        else
            cr_expect_str_eq(row->retry, rows[i].retry, "%d", rows[i].code);
    }
}

Test(gateway_code, keeps_jobs_with_unknown_codes_for_a_person)
{
    static const int strangers[] = {0, -1, 1, 99, 102, 200, 404, 501, 999, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < BH_ARRAY_LEN(strangers); i++) {
        const struct bh_gateway_code *row = bh_gateway_code_find(strangers[i]);
        cr_expect_eq(row->code, 0, "%d", strangers[i]);
        cr_expect_eq(row->action, BH_ACTION_UNCLASSIFIED, "%d", strangers[i]);
    }
}

Test(gateway_code, finds_every_row_by_its_number_and_only_once)
{
    size_t found = 0;
    for (int code = -10; code < 2000; code++) {
        const struct bh_gateway_code *row = bh_gateway_code_find(code);
        cr_expect_gt(strlen(row->meaning), 0);
        cr_expect(row->meaning[strlen(row->meaning) - 1] != '.', "%d", code);
        found += code > 0 && row->code == code;
    }
    cr_expect_eq(found, 28);
}

Test(gateway_code, separates_safe_refusals_by_status_from_doubtful_ones)
{
    static const struct {
        int status;
        bool retry_after;
        enum bh_code_action action;
    } rows[] = {
        {429, false, BH_ACTION_RATE_LIMITED  },
        {429, true,  BH_ACTION_RATE_LIMITED  },
        {503, true,  BH_ACTION_RATE_LIMITED  },
        {503, false, BH_ACTION_UNCERTAIN     },
        {500, false, BH_ACTION_UNCERTAIN     },
        {500, true,  BH_ACTION_UNCERTAIN     },
        {502, true,  BH_ACTION_UNCERTAIN     },
        {504, false, BH_ACTION_UNCERTAIN     },
        {599, false, BH_ACTION_UNCERTAIN     },
        {408, false, BH_ACTION_UNCERTAIN     },
        {401, false, BH_ACTION_PAUSE_AUTH    },
        {403, true,  BH_ACTION_PAUSE_AUTH    },
        {301, false, BH_ACTION_GATEWAY_BROKEN},
        {307, false, BH_ACTION_GATEWAY_BROKEN},
        {400, false, BH_ACTION_GATEWAY_BROKEN},
        {404, false, BH_ACTION_GATEWAY_BROKEN},
        {405, false, BH_ACTION_GATEWAY_BROKEN},
        {413, false, BH_ACTION_GATEWAY_BROKEN},
        {415, false, BH_ACTION_GATEWAY_BROKEN},
        {200, false, BH_ACTION_UNCERTAIN     },
        {204, true,  BH_ACTION_UNCERTAIN     },
        {0,   false, BH_ACTION_UNCERTAIN     },
        {100, false, BH_ACTION_UNCERTAIN     },
        {600, false, BH_ACTION_UNCERTAIN     },
        {-1,  false, BH_ACTION_UNCERTAIN     },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_gateway_code *row =
            bh_gateway_status_find(rows[i].status, rows[i].retry_after);
        cr_expect_eq(row->action, rows[i].action, "HTTP %d", rows[i].status);
    }
}
