/* steering: the rows of the commands that change jobs. */
#include "cli/commands.h"
#include "cli/steer.h"

#define WAITING                                                                                    \
    (BH_FILTER_READY | BH_FILTER_SCHEDULED | BH_FILTER_RETRYING | BH_FILTER_HELD |                 \
     BH_FILTER_UNCERTAIN)
#define DEAD (BH_FILTER_DEAD | BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID)

static const struct bh_option option_rows[] = {
    {"queue",   BH_OPTION_TEXT, "NAME", "jobs of this queue only",
     offsetof(struct bh_steer_options, queue)  },
    {"yes",     BH_OPTION_FLAG, NULL,   "more than one job, without a question",
     offsetof(struct bh_steer_options, yes)    },
    {"dry-run", BH_OPTION_FLAG, NULL,   "show the jobs, change none",
     offsetof(struct bh_steer_options, dry_run)},
};

#define COMMON                                                                                     \
    "\n\nJobs are named by ids, chosen by filters (see bellhop help list), or read as ids from "   \
    "standard\ninput.  More than one job needs --yes, or a yes at the terminal.  What was "        \
    "changed, when and by whom\nis told by bellhop audit.\n\nexamples:\n"

#define STEERING(name_, operation_, states_, summary_, text_, examples_)                           \
    static enum bh_exit name_##_run(struct bh_cli *cli, const void *options,                       \
                                    struct bh_operands operands)                                   \
    {                                                                                              \
        return bh_steer_run(cli, options, operands, operation_, states_, false);                   \
    }                                                                                              \
    const struct bh_command_row bh_command_##name_ = {                                             \
        .name = #name_,                                                                            \
        .summary = summary_,                                                                       \
        .usage = "[--queue NAME] [--yes] [--dry-run] ID...|FILTER...|-",                           \
        .text = text_ COMMON examples_,                                                            \
        .options = option_rows,                                                                    \
        .options_count = BH_ARRAY_LEN(option_rows),                                                \
        .options_size = sizeof(struct bh_steer_options),                                           \
        .run = name_##_run,                                                                        \
    }

/* clang-format off */
STEERING(hold, BH_STEER_HOLD, WAITING,
    "keep waiting jobs from being sent",
    "A held job waits until it is released.  Its ttl runs on: released too late, it expires.\n"
    "Jobs in a worker's hand, and jobs that may have been sent already, are not held.",
    "  bellhop hold order-4711\n"
    "  bellhop hold label=newsletter --dry-run\n"
    "  bellhop hold label=newsletter --yes");

STEERING(release, BH_STEER_RELEASE, BH_FILTER_HELD,
    "let held jobs go on",
    "Whatever they are held for.  A job whose delay is not over waits for it; the others are tried\n"
    "as soon as a worker is free.  If the cause still stands, they are soon held again.",
    "  bellhop release order-4711\n"
    "  bellhop release reason=operator --yes\n"
    "  bellhop release state=held reason=credit --yes");

STEERING(cancel, BH_STEER_CANCEL, WAITING,
    "end waiting jobs as cancelled",
    "A job in a worker's hand is cancelled unless the very try that is under way sends it; one that no\n"
    "worker has claimed yet is cancelled when that happens (name its queue if there are several).\n"
    "What may have been sent already ends as unknown, and bellhop resolve settles it.  Some of several\n"
    "recipients reached: it ends as partial.",
    "  bellhop cancel order-4711\n"
    "  bellhop cancel label=newsletter 'to~43*' --yes\n"
    "  bellhop cancel - --queue sms --yes <ids.txt");

STEERING(expire, BH_STEER_EXPIRE, WAITING,
    "end waiting jobs as expired",
    "As if their ttl had run out.  What may have been sent already is left for bellhop resolve.",
    "  bellhop expire order-4711\n"
    "  bellhop expire 'age>6h' state=held --yes");

STEERING(retry, BH_STEER_RETRY, BH_FILTER_SCHEDULED | BH_FILTER_RETRYING | BH_FILTER_HELD | BH_FILTER_UNCERTAIN,
    "try waiting jobs now",
    "They need not wait for their next try, or for their delay; attempts, ttl and all that is known\n"
    "about them stay.  Idle workers look at once.  What an operator holds is released, not retried.",
    "  bellhop retry order-4711\n"
    "  bellhop retry code=600 'age<1h' --yes");

STEERING(requeue, BH_STEER_REQUEUE, WAITING | DEAD,
    "let waiting or dead jobs begin anew",
    "As if they had just been pushed: no attempts, nothing learnt, the clock of their ttl begins again.\n"
    "Not those that may have been sent already (bellhop resolve ID resend), and not those that have\n"
    "reached some of their recipients.",
    "  bellhop requeue order-4711\n"
    "  bellhop requeue state=failed code=900 --yes");

STEERING(delete, BH_STEER_DELETE, DEAD,
    "delete dead jobs",
    "Their texts are gone then; their status stays until its time is over.  What ended as unknown is\n"
    "first settled by bellhop resolve.",
    "  bellhop delete order-4711\n"
    "  bellhop delete state=invalid 'age>7d' --yes");
/* clang-format on */
