#include "core/redis_error.h"

#include <string.h>

/* Longer beginnings stand before shorter ones: the first row that fits is taken. */
static const struct bh_redis_error rows[] = {
    {"LOADING",                                   BH_REDIS_WAIT,
     "Redis is reading its data from disk.  The worker waits and tries again by itself."      },
    {"BUSY",                                      BH_REDIS_WAIT,
     "A script has been running in Redis for too long.  The worker waits.  If it does not end: "
     "SCRIPT "
     "KILL, as long as it has not written anything."                                          },
    {"MASTERDOWN",                                BH_REDIS_WAIT,
     "This is a replica that has lost its master.  The worker waits.  Look after the master, or "
     "let the "
     "URL name it."                                                                           },
    {"TRYAGAIN",                                  BH_REDIS_WAIT,
     "The cluster is moving the keys of this queue to another node.  The worker waits and tries "
     "again."                                                                                 },
    {"CLUSTERDOWN",                               BH_REDIS_WAIT,
     "The cluster has lost a part of its nodes.  The worker waits.  Look at CLUSTER INFO."    },
    {"ERR max number of clients reached",         BH_REDIS_WAIT,
     "Redis takes no more connections.  The worker waits and tries again.  Raise maxclients, or "
     "look for "
     "the client that opens so many (CLIENT LIST)."                                           },

    {"READONLY",                                  BH_REDIS_RECONNECT,
     "This server is a replica, probably since a fail-over.  The worker drops the connection and "
     "resolves "
     "the name anew.  If it stays so, let the URL name the master."                           },
    {"UNBLOCKED",                                 BH_REDIS_RECONNECT,
     "The server became a replica while we waited in it.  The worker drops the connection and "
     "resolves the "
     "name anew."                                                                             },
    {"NOREPLICAS",                                BH_REDIS_RECONNECT,
     "The master has fewer replicas than min-replicas-to-write asks for and refuses to write.  The "
     "worker "
     "drops the connection, resolves the name anew and tries again.  Look after the replicas."},
    {"MOVED",                                     BH_REDIS_RECONNECT,
     "This server is a node of a cluster and does not hold the keys.  The worker drops the "
     "connection and "
     "tries again.  If it stays so, the URL should be a redis+cluster:// one."                },
    {"ASK",                                       BH_REDIS_RECONNECT,
     "This server is a node of a cluster and is handing the keys over.  The worker drops the "
     "connection and "
     "tries again.  If it stays so, the URL should be a redis+cluster:// one."                },

    {"NOSCRIPT",                                  BH_REDIS_LOAD_SCRIPT,
     "Redis has forgotten the worker's scripts, as it does at a restart.  The worker loads them "
     "again."                                                                                 },

    {"OOM",                                       BH_REDIS_FULL,
     "Redis has reached maxmemory and refuses to add anything.  The worker goes on emptying the "
     "queue where "
     "Redis lets it.  Raise maxmemory or remove keys; maxmemory-policy should be noeviction." },

    {"MISCONF",                                   BH_REDIS_ALARM,
     "Redis cannot save to disk and refuses to write.  The worker tries again slowly.  Look at the "
     "disk and "
     "at the log of Redis."                                                                   },
    {"NOAUTH",                                    BH_REDIS_ALARM,
     "Redis asks for a password and none is configured.  The worker tries again slowly.  Set "
     "[redis] "
     "password, or put it into the URL."                                                      },
    {"WRONGPASS",                                 BH_REDIS_ALARM,
     "Redis refuses user name or password, or the user is disabled.  The worker tries again "
     "slowly.  Correct "
     "[redis] username and password."                                                         },
    {"ERR invalid password",                      BH_REDIS_ALARM,
     "Redis refuses the password.  The worker tries again slowly.  Correct [redis] password." },
    {"ERR AUTH",                                  BH_REDIS_ALARM,
     "A password is configured here, but Redis has none for this user.  The worker tries again "
     "slowly.  "
     "Remove [redis] password or set one in Redis."                                           },
    {"ERR Client sent AUTH",                      BH_REDIS_ALARM,
     "A password is configured here, but Redis has none.  The worker tries again slowly.  Remove "
     "[redis] "
     "password or set one in Redis."                                                          },
    {"NOPERM",                                    BH_REDIS_ALARM,
     "The Redis user may not run this command or not touch this key.  The worker tries again "
     "slowly.  Extend "
     "the user's ACL."                                                                        },
    {"WRONGTYPE",                                 BH_REDIS_ALARM,
     "A key of the worker holds something of another type: another program uses the same name.  "
     "The worker "
     "tries again slowly.  Rename or remove the key, or choose another prefix."               },
    {"CROSSSLOT",                                 BH_REDIS_ALARM,
     "The keys of one command belong to different nodes of a cluster.  The worker tries again "
     "slowly.  This "
     "is a bug of the worker, please report it."                                              },
    {"DENIED",                                    BH_REDIS_ALARM,
     "Redis runs in protected mode and takes local connections only.  The worker tries again "
     "slowly.  Set a "
     "password in Redis and here, or bind it to an address of this machine."                  },
    {"ERR DB index",                              BH_REDIS_ALARM,
     "The database number of the URL does not exist.  The worker tries again slowly.  Correct the "
     "URL or "
     "raise `databases` in Redis."                                                            },
    {"ERR invalid DB index",                      BH_REDIS_ALARM,
     "The database number of the URL does not exist.  The worker tries again slowly.  Correct the "
     "URL or "
     "raise `databases` in Redis."                                                            },
    {"ERR SELECT is not allowed in cluster mode", BH_REDIS_ALARM,
     "This server is a node of a cluster, which has database 0 only.  The worker tries again "
     "slowly.  Use a "
     "redis+cluster:// URL."                                                                  },
    {"ERR unknown command",                       BH_REDIS_ALARM,
     "Redis does not know a command that the worker needs: it is older than 6.2, or the command "
     "was renamed.  "
     "The worker tries again slowly."                                                         },
};

static const struct bh_redis_error other = {
    "", BH_REDIS_OTHER, "Redis answered with an error that the worker has no rule for."};

/* `word` is the beginning of `text` and ends where a word of the text ends. */
static bool
begins_with_words(struct bh_str text, const char *word)
{
    struct bh_str prefix = bh_str_from(word);
    if (!bh_str_starts_with(text, prefix))
        return false;
    return text.len == prefix.len || text.ptr[prefix.len] == ' ' || text.ptr[prefix.len] == ':' ||
           text.ptr[prefix.len] == '\r' || text.ptr[prefix.len] == '\n';
}

/*
 * The error inside a script's error: what follows the first ": -"; the script's own position in front
 * of it ("@user_script: 12") has no such sign.  The whole text when there is none.
 */
static struct bh_str
unwrap(struct bh_str text)
{
    if (!bh_str_starts_with(text, BH_STR_LITERAL("ERR Error running script")))
        return text;
    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (memcmp(text.ptr + i, ": -", 3) == 0)
            return (struct bh_str){text.ptr + i + 3, text.len - i - 3};
    }
    return text;
}

const struct bh_redis_error *
bh_redis_error_find(struct bh_str reply_text)
{
    struct bh_str text = unwrap(reply_text);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (begins_with_words(text, rows[i].word))
            return &rows[i];
    }
    return &other;
}

const struct bh_redis_error *
bh_redis_error_search(const char *text, size_t *ret_at)
{
    for (size_t at = 0; text[at] != '\0'; at++) {
        if (at > 0 && text[at - 1] != ' ' && text[at - 1] != '"')
            continue;
        const struct bh_redis_error *row = bh_redis_error_find(bh_str_from(text + at));
        if (row != &other) {
            *ret_at = at;
            return row;
        }
    }
    return NULL;
}

const char *bh_redis_class_name(enum bh_redis_class class)
{
    switch (class) {
    case BH_REDIS_WAIT: return "wait";
    case BH_REDIS_RECONNECT: return "reconnect";
    case BH_REDIS_LOAD_SCRIPT: return "load_script";
    case BH_REDIS_FULL: return "full";
    case BH_REDIS_ALARM: return "alarm";
    case BH_REDIS_OTHER: return "other";
    }
    return "other";
}
