/*
 * A gateway in a bad mood towards one job: it costs that job one attempt, and its neighbours nothing.
 */
#include <criterion/criterion.h>

#include "daemon_rows.h"

#define NEIGHBOURS 12

static const struct {
    const char *name, *fault;
} moods[] = {
    {"no HTTP",                  "\"kind\":\"garbage\""              },
    {"a body without end",       "\"kind\":\"endless\""              },
    {"cut inside the head",      "\"kind\":\"cut_head\""             },
    {"cut inside the body",      "\"kind\":\"cut_body\""             },
    {"a bad chunk",              "\"kind\":\"bad_chunk\""            },
    {"silence",                  "\"kind\":\"hang\""                 },
    {"slower than the timeout",  "\"kind\":\"drip\",\"ms\":500"      },
    {"late",                     "\"kind\":\"delay\",\"ms\":3500"    },
    {"closed",                   "\"kind\":\"drop\""                 },
    {"reset",                    "\"kind\":\"drop\",\"end\":\"rst\"" },
    {"an empty page",            "\"kind\":\"empty\""                },
    {"half an object",           "\"kind\":\"unparsable\""           },
    {"nothing but 100 Continue", "\"kind\":\"continue\""             },
    {"a broken server",          "\"kind\":\"status\",\"status\":500"},
};

static void
push(struct bh_rig *rig, const char *id)
{
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990600\",\"text\":\"%s\"}", id, id));
}

Test(daemon_moods, cost_one_job_one_attempt_and_its_neighbours_nothing, .timeout = 250)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.gateway = "timeout = 2s\nconnect_timeout = 1s",
                                           .sim = "[gateway]\nanswer_delay_ms = 5\n"};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        const char *bad = bh_rig_text(&rig, "bad-%zu.", i);
        bh_rig_tell(&rig, "fault",
                    bh_rig_text(&rig, "{%s,\"match\":{\"text\":\"%s\"}}", moods[i].fault, bad));
        for (int n = 0; n < NEIGHBOURS; n++) {
            if (n == NEIGHBOURS / 2)
                push(&rig, bad);
            push(&rig, bh_rig_text(&rig, "good-%zu-%d", i, n));
        }
        for (int n = 0; n < NEIGHBOURS; n++) {
            const char *id = bh_rig_text(&rig, "good-%zu-%d", i, n);
            bh_rig_wait_state(&rig, "sms", id, "sent");
            daemon_check_status(&rig, "sms", id, moods[i].name, "attempts=1");
            cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s: %s", moods[i].name, id);
        }
        bh_rig_wait_state(&rig, "sms", bad, "retrying");
        daemon_check_status(&rig, "sms", bad, moods[i].name, "attempts=1");
        daemon_check_status(&rig, "sms", bad, moods[i].name, "reason=uncertain");
    }
    cr_expect(bh_process_is_running(&rig.daemons[0].process));
    bh_rig_stop(&rig);
}
