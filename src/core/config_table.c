#include "core/config_table.h"

#include <limits.h>
#include <stddef.h>

#define IN(member)       offsetof(struct bh_config, member)
#define IN_QUEUE(member) offsetof(struct bh_queue_config, member)

#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)

static const struct bh_config_choice auth_choices[] = {
    {"basic",     BH_CONFIG_AUTH_BASIC    },
    {"header",    BH_CONFIG_AUTH_HEADER   },
    {"parameter", BH_CONFIG_AUTH_PARAMETER},
    {NULL,        0                       },
};

static const struct bh_config_choice type_choices[] = {
    {"sms",   BH_JOB_SMS  },
    {"voice", BH_JOB_VOICE},
    {NULL,    0           },
};

static const struct bh_config_choice uncertain_choices[] = {
    {"hold",   BH_ON_UNCERTAIN_HOLD  },
    {"resend", BH_ON_UNCERTAIN_RESEND},
    {NULL,     0                     },
};

static const struct bh_config_choice fair_choices[] = {
    {"",      BH_QUEUE_FAIR_BY_NOTHING},
    {"from",  BH_QUEUE_FAIR_BY_FROM   },
    {"label", BH_QUEUE_FAIR_BY_LABEL  },
    {NULL,    0                       },
};

static const struct bh_config_choice level_choices[] = {
    {"error", BH_LOG_ERROR},
    {"warn",  BH_LOG_WARN },
    {"info",  BH_LOG_INFO },
    {"debug", BH_LOG_DEBUG},
    {NULL,    0           },
};

static const struct bh_config_choice format_choices[] = {
    {"text", BH_LOG_TEXT},
    {"json", BH_LOG_JSON},
    {NULL,   0          },
};

/* clang-format off */
static const struct bh_config_row redis_rows[] = {
    {.key = "url", .type = BH_CONFIG_REDIS_URL, .fallback = "redis://127.0.0.1:6379/0", .min = 1, .max = 4000,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.url),
     .help = "Where Redis is: redis://USER:PASSWORD@HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=DB. "
             "Login and database may be left out."},
    {.key = "username", .type = BH_CONFIG_STRING, .fallback = "", .max = 512,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.username),
     .help = "The ACL user to log in as, when it does not stand in the url. Empty means the default user."},
    {.key = "password", .type = BH_CONFIG_SECRET, .fallback = "", .max = BH_CONFIG_SECRET_MAX,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.password),
     .help = "The password to log in with. Better kept in a file of its own: see password_file."},
    {.key = "password_file", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.password_file),
     .help = "A file that holds the password and nothing else; one line feed at its end does not count."},
    {.key = "prefix", .type = BH_CONFIG_WORD, .fallback = "bellhop", .min = 1, .max = 64,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.prefix),
     .help = "What all keys begin with: PREFIX:{NAME} is the list of queue NAME. Producers use the same one."},
    {.key = "tls_ca", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.tls_ca),
     .help = "Certificates (PEM) that may vouch for the server. Empty means those of the system."},
    {.key = "tls_cert", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.tls_cert),
     .help = "Our own certificate (PEM), for a server that asks for one; goes with tls_key."},
    {.key = "tls_key", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.tls_key),
     .help = "The private key (PEM) of tls_cert."},
    {.key = "connect_timeout", .type = BH_CONFIG_DURATION, .fallback = "2s", .min = 100, .max = BH_MINUTE_MS,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.connect_timeout_ms),
     .help = "How long one attempt to connect and log in may take."},
    {.key = "command_timeout", .type = BH_CONFIG_DURATION, .fallback = "5s", .min = 100, .max = BH_MINUTE_MS,
     .reload = BH_CONFIG_RESTART, .offset = IN(redis.command_timeout_ms),
     .help = "How long an answer may take before the connection counts as dead. Must be less than the lease."},
};

static const struct bh_config_row gateway_rows[] = {
    {.key = "url", .type = BH_CONFIG_HTTP_URL, .fallback = "https://gateway.sms77.io/api", .min = 1, .max = 1000,
     .example = "http://127.0.0.1:7077/api", .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.url),
     .help = "The gateway's API, without a slash at the end. Without TLS (http) the key travels in the clear, which only "
             "a simulator on this machine should see."},
    {.key = "api_key", .type = BH_CONFIG_SECRET, .fallback = "", .max = BH_CONFIG_SECRET_MAX,
     .example = "sim-live-key", .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.api_key),
     .help = "The account's API key. Better kept in a file of its own: see api_key_file. One of the two is required."},
    {.key = "api_key_file", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.api_key_file),
     .help = "A file that holds the API key and nothing else; it is read again at each reload."},
    {.key = "auth", .type = BH_CONFIG_ENUM, .fallback = "basic", .choices = auth_choices,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.auth),
     .help = "How the key is shown: in the Authorization header (basic), in X-Api-Key (header), or as p in the "
             "request's body (parameter). It never stands in a URL."},
    {.key = "signing_key", .type = BH_CONFIG_SECRET, .fallback = "", .max = BH_CONFIG_SECRET_MAX,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.signing_key),
     .help = "The account's signing key. When set, every request is signed."},
    {.key = "signing_key_file", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.signing_key_file),
     .help = "A file that holds the signing key and nothing else."},
    {.key = "connect_timeout", .type = BH_CONFIG_DURATION, .fallback = "5s", .min = 100, .max = BH_MINUTE_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.connect_timeout_ms),
     .help = "How long a new connection may take, TLS included. Must be less than timeout."},
    {.key = "timeout", .type = BH_CONFIG_DURATION, .fallback = "20s", .min = BH_SECOND_MS, .max = 5 * BH_MINUTE_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.timeout_ms),
     .help = "How long a whole request may take. Behind it the message counts as uncertain: sent, but not answered. "
             "Must be less than [pool] lease."},
    {.key = "max_connections", .type = BH_CONFIG_INT, .fallback = "16", .min = 1, .max = 1000, .unit = "connections",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.max_connections),
     .help = "Most connections to the gateway of all workers of a process together; each has its share, and at least one."},
    {.key = "connections_per_second", .type = BH_CONFIG_INT, .fallback = "50", .min = 1, .max = 1000, .unit = "connections per second",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.connections_per_second),
     .help = "Most new connections of all workers of all processes together. The gateway allows an account 50."},
    {.key = "requests_per_second", .type = BH_CONFIG_INT, .fallback = "0", .min = 0, .max = 100000, .unit = "requests per second",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.requests_per_second),
     .help = "Most requests of all workers of all processes together; 0 means no limit."},
    {.key = "requests_per_connection", .type = BH_CONFIG_INT, .fallback = "500", .min = 1, .max = 1000000, .unit = "requests",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.requests_per_connection),
     .help = "After so many requests a connection is closed and a new one opened, before the gateway does it in the middle of one."},
    {.key = "timezone", .type = BH_CONFIG_ZONE, .fallback = "Europe/Berlin", .min = 1, .max = 64,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.timezone),
     .help = "The time zone in which a delay like 2026-03-29 08:00 is meant, and whose midnight ends a daily limit."},
    {.key = "country", .type = BH_CONFIG_DIGITS, .fallback = "49", .min = 1, .max = 3,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.country),
     .help = "The calling code of numbers that are written with a leading 0."},
    {.key = "ca_file", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.ca_file),
     .help = "Certificates (PEM) that may vouch for the gateway. Empty means those of the system."},
    {.key = "proxy", .type = BH_CONFIG_PROXY_URL, .fallback = "", .max = 1000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.proxy),
     .help = "A proxy on the way to the gateway: http://, https://, socks5:// or socks5h://. Empty means none; "
             "proxies named in the environment are not used."},
    {.key = "balance_interval", .type = BH_CONFIG_DURATION, .fallback = "5m", .min = 10 * BH_SECOND_MS, .max = BH_DAY_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.balance_interval_ms),
     .help = "How often the account's balance is asked for, and the longest pause between two looks while the account is paused."},
    {.key = "low_balance", .type = BH_CONFIG_MONEY, .fallback = "0", .min = 0, .max = INT64_C(1000000000000000), .unit = "of the account's currency",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.low_balance_micro),
     .help = "Below this balance the log warns; 0 means never."},
    {.key = "reload_lock", .type = BH_CONFIG_DURATION, .fallback = "180s", .min = BH_SECOND_MS, .max = BH_DAY_MS, .flags = BH_CONFIG_OFF,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(gateway.reload_lock_ms),
     .help = "How long the gateway refuses an SMS with the same text and recipient; off when the account has "
             "the lock switched off. It is what proves that an unanswered request did arrive. "
             "`bellhop probe-lock` tries whether it works."},
    {.key = "pull_reports", .type = BH_CONFIG_BOOL, .fallback = "no",
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.pull_reports),
     .help = "Asks the gateway what became of messages of which no final delivery report has come, for where no webhook can reach us: "
             "many at a time, with growing distance, until it is known or the message is three days old. Needs the key's right to "
             "the gateway's journal, or to its status where that still exists."},
    {.key = "pull_after", .type = BH_CONFIG_DURATION, .fallback = "5m", .min = BH_SECOND_MS, .max = BH_DAY_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN(gateway.pull_after_ms),
     .help = "How long after a message was accepted it is asked about for the first time."},
};

static const struct bh_config_row pool_rows[] = {
    {.key = "workers", .type = BH_CONFIG_INT, .fallback = "1", .min = 1, .max = 64, .unit = "threads",
     .reload = BH_CONFIG_RESTART, .offset = IN(pool.workers),
     .help = "Loop threads in this process, each with its own connections."},
    {.key = "concurrency", .type = BH_CONFIG_INT, .fallback = "64", .min = 1, .max = 4096, .unit = "jobs per worker",
     .reload = BH_CONFIG_RESTART, .offset = IN(pool.concurrency),
     .help = "Jobs that one worker has in flight at most."},
    {.key = "lease", .type = BH_CONFIG_DURATION, .fallback = "30s", .min = 5 * BH_SECOND_MS, .max = BH_HOUR_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(pool.lease_ms),
     .help = "How long a claimed job belongs to its worker; renewed while the worker lives. After a crash of the whole "
             "machine others take its jobs over when this has passed."},
    {.key = "drain_timeout", .type = BH_CONFIG_DURATION, .fallback = "20s", .min = 0, .max = BH_HOUR_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN(pool.drain_timeout_ms),
     .help = "How long a stopping daemon waits for requests under way. The service manager's stop timeout must be longer."},
    {.key = "instance", .type = BH_CONFIG_WORD, .fallback = "", .min = 0, .max = 64,
     .reload = BH_CONFIG_RESTART, .offset = IN(pool.instance),
     .help = "The name under which this process claims jobs, and by which it finds them again after a restart; no two "
             "running processes may share it. Empty means the name of the host."},
    {.key = "journal", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000, .flags = BH_CONFIG_OFF,
     .reload = BH_CONFIG_RESTART, .offset = IN(pool.journal),
     .help = "A directory for the journal of what was sent, which keeps messages from being sent again when Redis loses what it "
             "has acknowledged. Empty means the service manager's ($STATE_DIRECTORY), or memory only where there is none; off "
             "means no journal."},
    {.key = "journal_records", .type = BH_CONFIG_INT, .fallback = "65536", .min = 1024, .max = 1048576, .unit = "records of 256 bytes",
     .reload = BH_CONFIG_RESTART, .offset = IN(pool.journal_records),
     .help = "Room of the journal; a message takes two records, and the oldest are overwritten. A file that is larger already "
             "stays so."},
};

static const struct bh_config_row queue_rows[] = {
    {.key = "type", .type = BH_CONFIG_ENUM, .fallback = "sms", .choices = type_choices, .example = "sms",
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(type),
     .help = "The type of jobs that do not name one."},
    {.key = "weight", .type = BH_CONFIG_INT, .fallback = "1", .min = 1, .max = 1000,
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(weight),
     .help = "This queue's share when several have work: weight 3 gets three jobs where weight 1 gets one."},
    {.key = "strict", .type = BH_CONFIG_BOOL, .fallback = "no",
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(strict),
     .help = "Goes before all queues that are not strict, whatever their weight, for one-time passwords and the like."},
    {.key = "rate", .type = BH_CONFIG_INT, .fallback = "0", .min = 0, .max = 100000, .unit = "jobs per second",
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(rate),
     .help = "Most jobs of this queue in a second over all processes; 0 means no limit."},
    {.key = "concurrency", .type = BH_CONFIG_INT, .fallback = "0", .min = 0, .max = 100000, .unit = "jobs",
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(concurrency),
     .help = "Jobs of this queue in flight at most over all processes; 0 means no limit but the pool's."},
    {.key = "ttl", .type = BH_CONFIG_DURATION, .fallback = "48h", .min = BH_MINUTE_MS, .max = 365 * BH_DAY_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(ttl_ms),
     .help = "How long a job that names no ttl may wait from when it is due; then it expires and is not sent."},
    {.key = "retry", .type = BH_CONFIG_SCHEDULE, .fallback = "5s, 15s, 45s, 2m, 5m, 10m, 30m*", .min = 1, .max = 1000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(retry),
     .help = "The delays before each further attempt, separated by commas; D*N repeats a delay N times, and D* at the "
             "end until the ttl runs out. Jitter lengthens each by up to a fifth."},
    {.key = "on_uncertain", .type = BH_CONFIG_ENUM, .fallback = "resend", .fallback_voice = "hold", .choices = uncertain_choices,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(on_uncertain),
     .help = "What happens to a message that may or may not have been sent when nothing could tell: resend risks a second "
             "one, hold ends it as unknown until somebody resolves it. The default is hold for voice."},
    {.key = "bundle", .type = BH_CONFIG_INT, .fallback = "1", .min = 1, .max = 1000, .unit = "recipients", .flags = BH_CONFIG_RESERVED,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(bundle),
     .help = "Most recipients in one request: jobs that differ in nothing but the recipient go out together."},
    {.key = "bundle_wait", .type = BH_CONFIG_DURATION, .fallback = "0", .min = 0, .max = BH_MINUTE_MS, .flags = BH_CONFIG_RESERVED,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(bundle_wait_ms),
     .help = "How long a bundle waits for more jobs."},
    {.key = "fair_by", .type = BH_CONFIG_ENUM, .fallback = "", .choices = fair_choices, .flags = BH_CONFIG_RESERVED,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(fair_by),
     .help = "Takes turns between jobs that differ in this field, so that one big sender does not make the others wait."},
    {.key = "resend_on_report", .type = BH_CONFIG_BOOL, .fallback = "no",
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(resend_on_report),
     .help = "Sends an SMS to one recipient again, as a new job, when its delivery report says EXPIRED or FAILED: after the delays "
             "of retry, at most ten times, and while the ttl lasts. Each costs what the first did."},
    {.key = "redial", .type = BH_CONFIG_INT, .fallback = "0", .min = 0, .max = 10, .unit = "calls",
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(redial),
     .help = "How often a call is made again, as a new job, of which the gateway reports no-answer or failed; only while the ttl lasts."},
    {.key = "redial_after", .type = BH_CONFIG_DURATION, .fallback = "5m", .min = BH_SECOND_MS, .max = BH_DAY_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(redial_after_ms),
     .help = "How long after the report about such a call it is made again."},
    {.key = "callback_url", .type = BH_CONFIG_HTTP_URL, .fallback = "", .max = 1000,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(callback_url),
     .help = "The address beneath which jobs may have what becomes of them posted (their field callback_url): scheme, host and port must be "
             "equal, and the path must be this one or lie below it. Empty means that jobs may not have one."},
    {.key = "callback_all", .type = BH_CONFIG_BOOL, .fallback = "no",
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(callback_all),
     .help = "Posts what becomes of the jobs that name no callback_url of their own, too: to the queue's callback_url itself."},
    {.key = "dead_max", .type = BH_CONFIG_LONG, .fallback = "10000", .min = 0, .max = 10000000, .unit = "jobs",
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(dead_max),
     .help = "Most jobs that the dead set keeps for inspection; the oldest go first."},
    {.key = "dead_ttl", .type = BH_CONFIG_DURATION, .fallback = "90d", .min = BH_MINUTE_MS, .max = 3650 * BH_DAY_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN_QUEUE(dead_ttl_ms),
     .help = "How long a job stays in the dead set."},
    {.key = "max_job", .type = BH_CONFIG_SIZE, .fallback = "64KiB", .min = KIB, .max = MIB,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(max_job_bytes),
     .help = "The largest job without files."},
    {.key = "max_job_with_files", .type = BH_CONFIG_SIZE, .fallback = "8MiB", .min = KIB, .max = 64 * MIB,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN_QUEUE(max_job_with_files_bytes),
     .help = "The largest job with files. Each worker may hold one such job per slot in memory."},
};

static const struct bh_config_row status_rows[] = {
    {.key = "retention", .type = BH_CONFIG_DURATION, .fallback = "7d", .min = BH_MINUTE_MS, .max = 365 * BH_DAY_MS,
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(status.retention_ms),
     .help = "How long the status of an ended job stays readable, and how long a second job with the same id is recognised. "
             "Must be more than [gateway] reload_lock."},
    {.key = "events", .type = BH_CONFIG_LONG, .fallback = "0", .min = 0, .max = 10000000, .unit = "entries",
     .reload = BH_CONFIG_NEXT_JOB, .offset = IN(status.events_max),
     .help = "How many changes of state the stream PREFIX:{NAME}:events keeps; 0 means that there is no stream."},
};

static const struct bh_config_row http_rows[] = {
    {.key = "listen", .type = BH_CONFIG_LISTEN, .fallback = "127.0.0.1:9177", .max = 300,
     .reload = BH_CONFIG_RESTART, .offset = IN(http.listen),
     .help = "Address and port of the dashboard and its API, the health checks (/healthz, /readyz), the metrics (/metrics) and "
             "the webhook; empty means none. Other than on loopback it needs admin_token. Strangers may look from this machine alone; elsewhere, "
             "without the token, the page, /healthz and the status of /readyz are all there is. It speaks no TLS: put a proxy in front where the gateway comes from outside. While "
             "the port is taken, messages are sent all the same."},
    {.key = "webhook_url", .type = BH_CONFIG_HTTP_URL, .fallback = "", .max = 1000,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.webhook_url),
     .help = "Where the gateway reaches this endpoint from outside, such as https://sms.example. With /webhook/TOKEN behind it (webhook_token), or as it is "
             "when the token stands in it, it is the URL that bellhopd subscribes at the gateway for delivery reports of SMS and calls, unless it is "
             "subscribed already. Empty: nothing is subscribed. bellhop hooks check looks at it."},
    {.key = "webhook_token", .type = BH_CONFIG_SECRET, .fallback = "", .max = 512,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.webhook_token),
     .help = "The last part of the webhook's path, /webhook/TOKEN, which only the gateway knows. Delivery reports are "
             "taken there; they also settle jobs whose answer was lost. Empty: no reports are taken."},
    {.key = "webhook_signed", .type = BH_CONFIG_BOOL, .fallback = "no",
     .reload = BH_CONFIG_LIVE, .offset = IN(http.webhook_signed),
     .help = "Takes only reports that are signed with [gateway] signing_key, for webhook_url, within five minutes of this machine's "
             "clock. Others are answered 403 and do not come again: see that key, URL and clock are right before you switch it on."},
    {.key = "webhook_from", .type = BH_CONFIG_STRING, .fallback = "", .max = 1000,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.webhook_from),
     .help = "The addresses that reports are taken from, separated by commas; a network is written 192.0.2.0/24. Empty means any. Behind a "
             "proxy it is the proxy's."},
    {.key = "callback_key", .type = BH_CONFIG_SECRET, .fallback = "", .max = BH_CONFIG_SECRET_MAX,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.callback_key),
     .help = "Signs what is posted to a job's callback_url (header Bellhop-Signature), so that the receiver knows that it is ours. "
             "Empty: nothing is signed."},
    {.key = "callback_key_file", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.callback_key_file),
     .help = "A file that holds the callback key and nothing else."},
    {.key = "admin_token", .type = BH_CONFIG_SECRET, .fallback = "", .max = 512,
     .reload = BH_CONFIG_LIVE, .offset = IN(http.admin_token),
     .help = "What a visitor of the dashboard or its API has to show before he may change anything or see whole numbers, and, from "
             "another machine or through a proxy, before he sees anything, /metrics included. Empty: nobody may. Wrong ones are slowed down."},
};

static const struct bh_config_row alert_rows[] = {
    {.key = "command", .type = BH_CONFIG_PATH, .fallback = "", .max = 4000,
     .reload = BH_CONFIG_LIVE, .offset = IN(alert.command),
     .help = "A program that is started for each alert, with its full path and without arguments. It gets the alert as JSON on standard "
             "input and as BELLHOP_ALERT_... in its environment, and 10 seconds."},
    {.key = "url", .type = BH_CONFIG_HTTP_URL, .fallback = "", .max = 1000, .flags = BH_CONFIG_QUERY,
     .reload = BH_CONFIG_LIVE, .offset = IN(alert.url),
     .help = "Where each alert is posted as JSON; tried three times. Certificates are checked, redirects are not followed. A query "
             "(?token=...) is sent along, and never shown."},
    {.key = "oldest_job", .type = BH_CONFIG_DURATION, .fallback = "0", .min = 0, .max = 30 * BH_DAY_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN(alert.oldest_job_ms),
     .help = "An alert when the oldest job of a queue that could be sent has waited for so long; 0 means none."},
    {.key = "dead_jobs", .type = BH_CONFIG_LONG, .fallback = "0", .min = 0, .max = 10000000, .unit = "jobs",
     .reload = BH_CONFIG_LIVE, .offset = IN(alert.dead_jobs),
     .help = "An alert when the dead set of a queue holds so many jobs; 0 means none."},
    {.key = "repeat", .type = BH_CONFIG_DURATION, .fallback = "1h", .min = 10 * BH_SECOND_MS, .max = 30 * BH_DAY_MS,
     .reload = BH_CONFIG_LIVE, .offset = IN(alert.repeat_ms),
     .help = "How long after an alert it is given again while its cause lasts."},
};

static const struct bh_config_row log_rows[] = {
    {.key = "level", .type = BH_CONFIG_ENUM, .fallback = "info", .choices = level_choices,
     .reload = BH_CONFIG_LIVE, .offset = IN(log.level),
     .help = "What is logged: this level and all louder ones."},
    {.key = "format", .type = BH_CONFIG_ENUM, .fallback = "text", .choices = format_choices,
     .reload = BH_CONFIG_LIVE, .offset = IN(log.format),
     .help = "Lines for people (text), or one JSON object per line (json)."},
    {.key = "mask", .type = BH_CONFIG_BOOL, .fallback = "yes",
     .reload = BH_CONFIG_LIVE, .offset = IN(log.mask),
     .help = "Keeps what producers wrote out of the log: a recipient is shown as its country code and last three digits, and of a "
             "job that is not valid the field at fault is named and not quoted."},
};
/* clang-format on */

#define SECTION(word, rows_of, first, text)                                                        \
    {                                                                                              \
        .name = (word), .help = (text), .rows = (rows_of), .rows_count = BH_ARRAY_LEN(rows_of),    \
        .slots_at = (first)                                                                        \
    }

enum {
    GATEWAY_AT = BH_ARRAY_LEN(redis_rows),
    POOL_AT = GATEWAY_AT + BH_ARRAY_LEN(gateway_rows),
    STATUS_AT = POOL_AT + BH_ARRAY_LEN(pool_rows),
    HTTP_AT = STATUS_AT + BH_ARRAY_LEN(status_rows),
    ALERT_AT = HTTP_AT + BH_ARRAY_LEN(http_rows),
    LOG_AT = ALERT_AT + BH_ARRAY_LEN(alert_rows),
    GLOBAL_SLOTS = LOG_AT + BH_ARRAY_LEN(log_rows),
};

const struct bh_config_section bh_config_sections[BH_CONFIG_SECTIONS] = {
    SECTION("redis", redis_rows, 0, "The Redis that holds the queues."),
    SECTION("gateway", gateway_rows, GATEWAY_AT,
            "The SMS and voice gateway, and the account there."),
    SECTION("pool", pool_rows, POOL_AT, "This process and its workers."),
    {.name = "queue",
                                                                   .is_queue = true,
                                                                   .help = "One section per queue, at least one: [queue NAME], the name of a-z, 0-9, - and _, at "
             "most 32 characters.", .rows = queue_rows,
                                                                   .rows_count = BH_ARRAY_LEN(queue_rows)},
    SECTION("status", status_rows, STATUS_AT, "What is kept about jobs that have ended."),
    SECTION("http", http_rows, HTTP_AT, "The daemon's own HTTP endpoint."),
    SECTION("alert", alert_rows, ALERT_AT,
            "Who is told when something needs a person, without a monitoring system."),
    SECTION("log", log_rows, LOG_AT, "The log, on standard error."),
};

const size_t bh_config_global_slots = GLOBAL_SLOTS;
const size_t bh_config_queue_slots = BH_ARRAY_LEN(queue_rows);

const struct bh_config_section *
bh_config_section_get(struct bh_str name)
{
    for (size_t i = 0; i < BH_CONFIG_SECTIONS; i++) {
        if (bh_str_equal_text(name, bh_config_sections[i].name))
            return &bh_config_sections[i];
    }
    return NULL;
}

const struct bh_config_row *
bh_config_row_get(const struct bh_config_section *section, struct bh_str key)
{
    for (size_t i = 0; i < section->rows_count; i++) {
        if (bh_str_equal_text(key, section->rows[i].key))
            return &section->rows[i];
    }
    return NULL;
}

const char *
bh_config_row_fallback(const struct bh_config_row *row, enum bh_job_type type)
{
    if (type == BH_JOB_VOICE && row->fallback_voice != NULL)
        return row->fallback_voice;
    return row->fallback;
}

const char *
bh_config_type_name(enum bh_config_type type)
{
    switch (type) {
    case BH_CONFIG_STRING: return "A text";
    case BH_CONFIG_WORD: return "A word";
    case BH_CONFIG_DIGITS: return "Digits";
    case BH_CONFIG_SECRET: return "A secret";
    case BH_CONFIG_PATH: return "An absolute path";
    case BH_CONFIG_INT: return "A number";
    case BH_CONFIG_LONG: return "A number";
    case BH_CONFIG_BOOL: return "A switch";
    case BH_CONFIG_DURATION: return "A duration";
    case BH_CONFIG_SIZE: return "A size";
    case BH_CONFIG_MONEY: return "An amount";
    case BH_CONFIG_ENUM: return "A word";
    case BH_CONFIG_SCHEDULE: return "A schedule";
    case BH_CONFIG_REDIS_URL: return "A Redis URL";
    case BH_CONFIG_HTTP_URL: return "An HTTP URL";
    case BH_CONFIG_PROXY_URL: return "A proxy's URL";
    case BH_CONFIG_LISTEN: return "An address and port";
    case BH_CONFIG_ZONE: return "A time zone";
    }
    BH_ASSERT(false); /* the switch names every type */
    return "";
}
