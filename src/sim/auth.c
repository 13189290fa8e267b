#include "sim/auth.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "sim/signing.h"

/* The first enabled live key: what a login or a bearer token stands for. */
static const struct bh_sim_key *
main_key(const struct bh_sim_config *config)
{
    for (size_t at = 0; at < config->keys_count; at++)
        if (config->keys[at].sandbox == 0 && config->keys[at].enabled != 0)
            return &config->keys[at];
    return NULL;
}

static const struct bh_sim_key *
by_login(const struct bh_sim_config *config, struct bh_sim_str login, struct bh_sim_str password)
{
    char digest[BH_SIM_MD5_HEX];
    bh_sim_md5_hex(bh_sim_str_from(config->password), digest);
    bool good = bh_sim_str_is(login, config->login) && (bh_sim_str_is(password, config->password) ||
                                                        bh_sim_str_is_nocase(password, digest));
    return good ? main_key(config) : NULL;
}

static const struct bh_sim_key *
by_authorization(const struct bh_sim_config *config, struct bh_sim_str value)
{
    struct bh_sim_str rest = value, scheme;
    bh_sim_str_split(&rest, ' ', &scheme);
    struct bh_sim_str secret = rest.ptr != NULL ? bh_sim_str_trim(rest) : BH_SIM_STR_EMPTY;
    if (bh_sim_str_is_nocase(scheme, "basic"))
        return bh_sim_config_key(config, secret);
    if (bh_sim_str_is_nocase(scheme, "bearer") && config->bearer[0] != '\0' &&
        bh_sim_str_is(secret, config->bearer))
        return main_key(config);
    return NULL;
}

static const struct bh_sim_key *
find_key(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    const struct bh_sim_config *config = &world->config;
    struct bh_sim_buf joined = {0};
    if (bh_sim_http_joined(exchange->http, "x-api-key", &joined)) {
        const struct bh_sim_key *key = bh_sim_config_key(config, bh_sim_buf_view(&joined));
        bh_sim_buf_release(&joined);
        return key;
    }
    bh_sim_buf_release(&joined);
    const struct bh_sim_header *authorization = bh_sim_http_header(exchange->http, "authorization");
    if (authorization != NULL)
        return by_authorization(config, authorization->value);
    struct bh_sim_str login, secret = bh_sim_params_text(&exchange->params, "p");
    if (bh_sim_params_get(&exchange->params, "u", &login) && login.len > 0) {
        const struct bh_sim_key *key = by_login(config, login, secret);
        if (key != NULL)
            return key;
    }
    return bh_sim_config_key(config, secret);
}

static bool
same_address(const struct addrinfo *known, const struct addrinfo *peer)
{
    if (known->ai_family != peer->ai_family)
        return false;
    struct sockaddr_in a4, b4;
    struct sockaddr_in6 a6, b6;
    if (known->ai_family == AF_INET) {
        memcpy(&a4, known->ai_addr, sizeof a4);
        memcpy(&b4, peer->ai_addr, sizeof b4);
        return a4.sin_addr.s_addr == b4.sin_addr.s_addr;
    }
    memcpy(&a6, known->ai_addr, sizeof a6);
    memcpy(&b6, peer->ai_addr, sizeof b6);
    return memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof a6.sin6_addr) == 0;
}

/* Resolving blocks; the list is short, its names stand in /etc/hosts as a rule, and only tests use it. */
static bool
host_is_peer(struct bh_sim_str host, const struct addrinfo *peer)
{
    char name[256];
    if (host.len == 0 || host.len >= sizeof name)
        return false;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    bool same = false;
    for (const struct addrinfo *at = found; at != NULL && !same; at = at->ai_next)
        same = (at->ai_family == AF_INET || at->ai_family == AF_INET6) && same_address(at, peer);
    freeaddrinfo(found);
    return same;
}

/* `peer` is one of the addresses or host names in `list` (commas); the empty list allows everybody. */
static bool
allows(const char *list, const char *peer)
{
    struct bh_sim_str rest = bh_sim_str_trim(bh_sim_str_from(list)), host;
    if (rest.len == 0)
        return true;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *address = NULL;
    if (getaddrinfo(peer, NULL, &hints, &address) != 0)
        address =
            NULL; /* a socket in the file system has no address; its name can still be listed */
    bool allowed = false;
    while (!allowed && bh_sim_str_split(&rest, ',', &host)) {
        host = bh_sim_str_trim(host);
        allowed = bh_sim_str_is(host, peer) || (address != NULL && host_is_peer(host, address));
    }
    if (address != NULL)
        freeaddrinfo(address);
    return allowed;
}

int
bh_sim_auth_check(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                  enum bh_sim_right right)
{
    const struct bh_sim_key *key = find_key(world, exchange);
    if (key == NULL || key->enabled == 0)
        return 900;
    if (!allows(world->config.allow, exchange->peer))
        return 903;
    if (!bh_sim_signing_check(world, exchange))
        return 901;
    if ((key->rights & (1u << right)) == 0)
        return 902;
    exchange->key = key;
    return 0;
}
