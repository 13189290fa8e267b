#include "daemon/surveyor.h"

#include <stdio.h>

#include "core/redis_survey.h"
#include "daemon/log.h"

/* What was at risk may have been mended, or the other way round. */
#define SURVEY_AGAIN_MS (10 * BH_MINUTE_MS)

/* FNV-1a over level and topic of each; texts may hold figures that change all the time. */
static uint64_t
fingerprint(const struct bh_finding *findings, size_t count)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)findings[i].level) * 1099511628211u;
        for (const char *c = findings[i].topic; *c != '\0'; c++)
            hash = (hash ^ (uint64_t)(unsigned char)*c) * 1099511628211u;
    }
    return hash;
}

static void
keep_risk(struct bh_surveyor *surveyor, const struct bh_finding *findings, size_t count)
{
    const struct bh_finding *worst = NULL;
    for (size_t i = 0; i < count; i++) {
        if (findings[i].level >= BH_FINDING_RISK &&
            (worst == NULL || findings[i].level > worst->level))
            worst = &findings[i];
    }
    snprintf(surveyor->risk, sizeof(surveyor->risk), "%s", worst != NULL ? worst->text : "");
}

static void
log_all(const struct bh_finding *findings, size_t count)
{
    static const enum bh_log_level levels[] = {
        [BH_FINDING_GOOD] = BH_LOG_INFO,
        [BH_FINDING_NOTE] = BH_LOG_INFO,
        [BH_FINDING_RISK] = BH_LOG_WARN,
        [BH_FINDING_FATAL] = BH_LOG_ERROR,
    };
    for (size_t i = 0; i < count; i++) {
        const struct bh_log_field topic = bh_log_text("topic", findings[i].topic);
        bh_log_write(levels[findings[i].level], "redis_check", &topic, 1, "%s", findings[i].text);
    }
}

static void survey(struct bh_surveyor *surveyor);

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_surveyor *surveyor = timer->data;
    if (!surveyor->surveying)
        survey(surveyor);
}

static void
survey_on_done(void *arg, const struct bh_redis_survey *result)
{
    struct bh_surveyor *surveyor = arg;
    struct bh_finding findings[BH_FINDINGS_MAX];
    size_t count = bh_redis_survey_judge(result, findings);
    bool first = !surveyor->surveyed;
    uint64_t risks = fingerprint(findings, count);
    if (first || risks != surveyor->known_risks)
        log_all(findings, count);
    surveyor->surveying = false;
    surveyor->surveyed = true;
    surveyor->known_risks = risks;
    keep_risk(surveyor, findings, count);
    if (surveyor->closing)
        return;
    uv_timer_start(&surveyor->timer, timer_on_fire, (uint64_t)SURVEY_AGAIN_MS,
                   (uint64_t)SURVEY_AGAIN_MS);
    if (first)
        surveyor->options.on_first(surveyor->options.arg);
}

static void
survey(struct bh_surveyor *surveyor)
{
    const struct bh_survey_options options = {
        .connection = surveyor->options.connection,
        .queue = &surveyor->queue,
        .account = surveyor->options.account,
        .on_done = survey_on_done,
        .arg = surveyor,
    };
    surveyor->surveying = bh_survey_start(&options) == BH_OK;
}

void
bh_surveyor_init(struct bh_surveyor *surveyor, uv_loop_t *loop)
{
    *surveyor = (struct bh_surveyor){.closing = false};
    uv_timer_init(loop, &surveyor->timer);
    surveyor->timer.data = surveyor;
}

enum bh_status
bh_surveyor_open(struct bh_surveyor *surveyor, const struct bh_config *config,
                 const struct bh_surveyor_options *options)
{
    surveyor->options = *options;
    return bh_queue_keys_init(&surveyor->queue, config->redis.prefix, config->queues[0].name);
}

bool
bh_surveyor_up(struct bh_surveyor *surveyor)
{
    if (surveyor->surveyed || surveyor->surveying)
        return false;
    survey(surveyor);
    return surveyor->surveying;
}

void
bh_surveyor_down(struct bh_surveyor *surveyor)
{
    surveyor->surveying = false;
}

const char *
bh_surveyor_risk(const struct bh_surveyor *surveyor)
{
    return surveyor->surveyed ? surveyor->risk : NULL;
}

void
bh_surveyor_close(struct bh_surveyor *surveyor, struct bh_shells *shells)
{
    surveyor->closing = true;
    bh_shells_close_timer(shells, &surveyor->timer);
}
