/*
 * figures - what Redis tells about a queue, the gateway account and itself, as values; and what a
 * command has found out about the account.
 */
#ifndef BH_CLI_FIGURES_H
#define BH_CLI_FIGURES_H

#include <bellhop/state.h>

#include "cli/cli.h"
#include "core/redis_survey.h"
#include "redis/account_codec.h"
#include "redis/keys.h"
#include "redis/queue_view.h"

struct bh_figures {
    struct redisReply *reply; /* owned; the view borrows from it */
    struct bh_queue_view view;
};

/* One call, of the same cost for queues of any length.  A failure has been told. */
enum bh_exit bh_figures_read(struct bh_cli *cli, const struct bh_queue_keys *keys,
                             struct bh_figures *ret_figures) BH_MUST_CHECK;
void bh_figures_release(struct bh_figures *figures);

int64_t bh_figures_ready(const struct bh_figures *figures); /* all that may run now */
int64_t bh_figures_held(const struct bh_figures *figures, enum bh_reason reason);
int64_t bh_figures_outcome(const struct bh_figures *figures, enum bh_state state);

/*
 * The gateway account's state.  BH_EXIT_NOTHING, silently, when the API key is not known here and so
 * neither is the account's name.
 */
enum bh_exit bh_figures_account(struct bh_cli *cli, struct bh_account_view *ret_view) BH_MUST_CHECK;

/* The keys of the account that the configuration names; its API key is known. */
enum bh_status bh_figures_account_keys(const struct bh_config *config,
                                       struct bh_account_keys *keys) BH_MUST_CHECK;

/*
 * Pause the account by an operator's word, for all who use it, or let it go on; audited with the change.
 * *ret_changed: false when it was so already.  Without the API key that is a failure; a failure has been told.
 */
enum bh_exit bh_figures_pause_account(struct bh_cli *cli, bool pause, struct bh_str reason,
                                      bool *ret_changed) BH_MUST_CHECK;

/* Keep what was seen of the account's reload lock; the API key is known.  A failure has been told. */
enum bh_exit bh_figures_know_lock(struct bh_cli *cli, enum bh_lock_knowledge lock,
                                  const char *why) BH_MUST_CHECK;

/* What INFO tells; the rest of the survey stays unknown.  A failure has been told. */
enum bh_exit bh_figures_server(struct bh_cli *cli,
                               struct bh_redis_survey *ret_survey) BH_MUST_CHECK;

#endif
