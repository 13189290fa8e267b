#include "core/diagnose_gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/money.h"

/* A name is asked for again once a minute at most, so a second hurts only now and then. */
#define NAME_SLOW_US INT64_C(1000000)

/* The time limit of a connection is 5 s unless configured; half a second is far for a handshake. */
#define HANDSHAKE_SLOW_US INT64_C(1000000)

/* Certificates of three months are renewed a month before their end: two weeks are late, three days are an outage. */
#define CERTIFICATE_SOON_DAYS 14
#define CERTIFICATE_LAST_DAYS 3

#define DAY_S INT64_C(86400)

/* ---- DNS ---- */

static void
list_addresses(const struct bh_name_facts *facts, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < facts->addresses_count && len + 52 < size; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "",
                                facts->addresses[i]);
    size_t all = facts->ipv4_count + facts->ipv6_count;
    if (all > facts->addresses_count && len + 24 < size)
        snprintf(text + len, size - len, " and %zu more", all - facts->addresses_count);
}

static void
no_addresses(struct bh_diagnosis *diagnosis, const char *host, const struct bh_name_facts *facts)
{
    if (facts->timed_out)
        bh_diagnose(diagnosis, BH_GRADE_BAD, "dns", "%s: no answer within %" PRId64 " s.", host,
                    facts->took_us / 1000000);
    else
        bh_diagnose(diagnosis, BH_GRADE_BAD, "dns", "%s cannot be resolved: %s.", host,
                    facts->problem);
    bh_diagnose_cure(diagnosis, "getent ahosts %s (and the nameserver lines of /etc/resolv.conf)",
                     host);
    bh_diagnose_cure(diagnosis, "[gateway] url = https://HOST/api");
}

void
bh_diagnose_name(struct bh_diagnosis *diagnosis, const char *host,
                 const struct bh_name_facts *facts)
{
    char list[300];
    if (facts->addresses_count == 0) {
        no_addresses(diagnosis, host, facts);
        return;
    }
    list_addresses(facts, list, sizeof(list));
    bool slow = facts->took_us >= NAME_SLOW_US;
    bh_diagnose(diagnosis, slow ? BH_GRADE_RISK : BH_GRADE_OK, "dns",
                "%s in %" PRId64 ".%d ms: %s (IPv4 %zu, IPv6 %zu).%s", host, facts->took_us / 1000,
                (int)(facts->took_us % 1000 / 100), list, facts->ipv4_count, facts->ipv6_count,
                slow ? " That is slow, and it is part of [gateway] connect_timeout." : "");
    if (slow)
        bh_diagnose_cure(diagnosis, "/etc/resolv.conf: options timeout:1 attempts:2");
    if (facts->ipv6_count > 0 && !facts->ipv6_routed && facts->ipv4_count > 0) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "dns",
                    "This machine has no route to the IPv6 addresses; only IPv4 is used.");
        bh_diagnose_cure(diagnosis, "/etc/gai.conf: precedence ::ffff:0:0/96 100");
    }
    if (!facts->ipv4_routed && !facts->ipv6_routed) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "dns", "This machine has no route to any of them.");
        bh_diagnose_cure(diagnosis, "ip route get %s", facts->addresses[0]);
    }
}

/* ---- TCP and TLS ---- */

static void
append_dates(const struct bh_host_facts *facts, struct bh_wall now, char *text, size_t size)
{
    int64_t left_s = facts->expires_at_s - now.ms / 1000;
    text[0] = '\0';
    if (facts->expires_at_s == 0)
        return;
    if (left_s < 0)
        snprintf(text, size, " A certificate of the chain ended %" PRId64 " days ago.",
                 -left_s / DAY_S);
    else
        snprintf(text, size, " The certificate is good for %" PRId64 " more days.", left_s / DAY_S);
}

static void
refused_certificate(struct bh_diagnosis *diagnosis, const struct bh_host_asked *asked,
                    const struct bh_host_facts *facts)
{
    char dates[96];
    append_dates(facts, asked->now, dates, sizeof(dates));
    bh_diagnose(diagnosis, BH_GRADE_BAD, "tls", "%s: the certificate is refused: %s.%s",
                asked->host, facts->detail, dates);
    bh_diagnose_cure(diagnosis, "date -u (a wrong clock makes good certificates bad)");
    if (asked->ca_file)
        bh_diagnose_cure(diagnosis, "[gateway] ca_file = FILE-WITH-ITS-AUTHORITY.pem");
    else
        bh_diagnose_cure(diagnosis, "apt install --reinstall ca-certificates && "
                                    "update-ca-certificates");
    bh_diagnose_cure(diagnosis, "openssl s_client -connect %s:%u -servername %s", asked->host,
                     asked->port, asked->host);
}

static void
no_connection(struct bh_diagnosis *diagnosis, const struct bh_host_asked *asked,
              const struct bh_host_facts *facts)
{
    bool secure = facts->trouble == BH_TROUBLE_TLS;
    bh_diagnose(diagnosis, BH_GRADE_BAD, secure ? "tls" : "tcp", "%s: no %s: %s.", asked->host,
                secure ? "TLS connection" : "connection",
                facts->detail[0] != '\0' ? facts->detail : bh_trouble_name(facts->trouble));
    if (asked->proxied)
        bh_diagnose_cure(diagnosis, "[gateway] proxy = http://HOST:PORT (or remove it)");
    else
        bh_diagnose_cure(diagnosis,
                         "[gateway] url = https://HOST/api (and the firewall's rules for "
                         "outgoing connections)");
    if (facts->timed_out)
        bh_diagnose_cure(diagnosis, "[gateway] connect_timeout = 10s (if the way is only slow)");
}

static void
judge_dates(struct bh_diagnosis *diagnosis, const struct bh_host_asked *asked,
            const struct bh_host_facts *facts)
{
    char dates[96];
    int64_t days = (facts->expires_at_s - asked->now.ms / 1000) / DAY_S;
    bool told = facts->expires_at_s != 0;
    append_dates(facts, asked->now, dates, sizeof(dates));
    enum bh_grade grade = !told || days > CERTIFICATE_SOON_DAYS ? BH_GRADE_OK
                          : days > CERTIFICATE_LAST_DAYS        ? BH_GRADE_NOTE
                                                                : BH_GRADE_RISK;
    bh_diagnose(diagnosis, grade, "tls", "%s, the chain is good, handshake in %" PRId64 " ms.%s",
                facts->protocol[0] != '\0' ? facts->protocol : "TLS",
                (facts->secured_us - facts->connected_us) / 1000, dates);
    if (grade != BH_GRADE_OK)
        bh_diagnose_cure(diagnosis, "tell whoever runs %s to renew it", asked->host);
}

void
bh_diagnose_host(struct bh_diagnosis *diagnosis, const struct bh_host_asked *asked,
                 const struct bh_host_facts *facts)
{
    if (facts->trouble == BH_TROUBLE_CERTIFICATE) {
        refused_certificate(diagnosis, asked, facts);
        return;
    }
    if (facts->trouble != BH_TROUBLE_NONE) {
        no_connection(diagnosis, asked, facts);
        return;
    }
    int64_t tcp_us = facts->connected_us - facts->named_us;
    bool slow = tcp_us >= HANDSHAKE_SLOW_US;
    bh_diagnose(diagnosis, slow ? BH_GRADE_RISK : BH_GRADE_OK, "tcp", "%s%s%s in %" PRId64 " ms.%s",
                asked->proxied ? "through the proxy " : "", asked->proxied ? "" : "connected to ",
                asked->proxied ? "" : facts->address, tcp_us / 1000, slow ? " That is slow." : "");
    if (slow)
        bh_diagnose_cure(diagnosis, "[gateway] connect_timeout = 10s");
    if (facts->is_tls) {
        judge_dates(diagnosis, asked, facts);
        return;
    }
    if (strncmp(facts->address, "127.", 4) == 0 || strcmp(facts->address, "::1") == 0) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "tls", "None, and none is needed on loopback.");
        return;
    }
    bh_diagnose(diagnosis, BH_GRADE_NOTE, "tls",
                "The URL begins with http: key, numbers and texts travel without encryption.");
    bh_diagnose_cure(diagnosis, "[gateway] url = https://HOST/api");
}

/* ---- Key and balance ---- */

static void
cure_refusal(struct bh_diagnosis *diagnosis, const struct bh_outcome *outcome, bool signs)
{
    switch (outcome->code) {
    case 901:
        bh_diagnose_cure(diagnosis, signs ? "[gateway] signing_key = KEY"
                                          : "[gateway] signing_key = KEY (it is not set)");
        bh_diagnose_cure(diagnosis, "timedatectl set-ntp true");
        break;
    case 902: bh_diagnose_cure(diagnosis, "give the key the rights to send, in the account"); break;
    case 903:
        bh_diagnose_cure(diagnosis, "add this machine's address to those the account allows");
        break;
    case 300:
    case 600:
    case 700: bh_diagnose_cure(diagnosis, "run this again later"); break;
    case 500: bh_diagnose_cure(diagnosis, "top up the account"); break;
    default:
        if (outcome->code == 900 || outcome->http_status == 401 || outcome->http_status == 403)
            bh_diagnose_cure(diagnosis, "[gateway] api_key = KEY (or the file of api_key_file)");
        else
            bh_diagnose_cure(diagnosis, "[gateway] url = https://HOST/api");
    }
}

static void
judge_amount(struct bh_diagnosis *diagnosis, int64_t balance, int64_t low)
{
    struct bh_money_text amount = bh_money_format(balance), bound = bh_money_format(low);
    if (balance <= 0) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "balance", "%s: nothing can be sent.", amount.text);
        bh_diagnose_cure(diagnosis, "top up the account");
    } else if (low == 0) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "balance",
                    "%s. Nobody is warned when it gets low: low_balance is not set.", amount.text);
        bh_diagnose_cure(diagnosis, "[gateway] low_balance = 10");
    } else if (balance < low) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "balance", "%s, less than low_balance (%s).",
                    amount.text, bound.text);
        bh_diagnose_cure(diagnosis, "top up the account");
    } else {
        bh_diagnose(diagnosis, BH_GRADE_OK, "balance", "%s; low_balance is %s.", amount.text,
                    bound.text);
    }
}

bool
bh_diagnose_balance(struct bh_diagnosis *diagnosis, const struct bh_outcome *outcome,
                    int64_t low_balance_micro, bool signs)
{
    if (outcome->kind == BH_OUTCOME_ACCEPTED) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "key", "The gateway takes the key%s.",
                    signs ? " and the signature" : "");
        judge_amount(diagnosis, outcome->balance_micro, low_balance_micro);
        return true;
    }
    if (outcome->kind == BH_OUTCOME_REFUSED) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "key", "%s", outcome->error);
        cure_refusal(diagnosis, outcome, signs);
        return false;
    }
    bh_diagnose(diagnosis, BH_GRADE_BAD, "key", "The gateway could not be asked: %s",
                outcome->error[0] != '\0' ? outcome->error : bh_trouble_name(outcome->trouble));
    bh_diagnose_cure(diagnosis, "[gateway] url = https://HOST/api");
    return false;
}

/* ---- What could tell about a lost answer ---- */

void
bh_diagnose_journal(struct bh_diagnosis *diagnosis, enum bh_journal_finding finding, int code)
{
    switch (finding) {
    case BH_JOURNAL_FOUND:
    case BH_JOURNAL_ABSENT:
    case BH_JOURNAL_MORE:
        bh_diagnose(diagnosis, BH_GRADE_OK, "journal",
                    "The key may read the gateway's journal: lost answers are looked up there.");
        break;
    case BH_JOURNAL_REFUSED:
        bh_diagnose(
            diagnosis, BH_GRADE_RISK, "journal",
            "The key may not read the gateway's journal (code %d). What became of a message "
            "whose answer was lost is then told by the reload lock and by delivery reports "
            "alone.",
            code);
        bh_diagnose_cure(diagnosis, "give the key the right to read the journal, in the account");
        break;
    case BH_JOURNAL_UNREADABLE:
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "journal",
                    "The gateway's journal could not be read this time%s.",
                    code != 0 ? "; it is busy" : "");
        bh_diagnose_cure(diagnosis, "run this again later");
        break;
    }
}

void
bh_diagnose_lock(struct bh_diagnosis *diagnosis, enum bh_lock_fact lock, bh_ms age_ms)
{
    long long days = (long long)(age_ms / BH_DAY_MS);
    switch (lock) {
    case BH_LOCK_FACT_CONFIGURED_OFF:
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "reload lock",
                    "Off by configuration: no lost answer is cleared up by repeating.");
        bh_diagnose_cure(diagnosis, "[gateway] reload_lock = 180s (if the account has it)");
        return;
    case BH_LOCK_FACT_PROVEN:
        bh_diagnose(diagnosis, BH_GRADE_OK, "reload lock", "Proven to work, %lld days ago.", days);
        return;
    case BH_LOCK_FACT_SEEN_OFF:
        bh_diagnose(diagnosis, BH_GRADE_RISK, "reload lock",
                    "Seen to be off, %lld days ago: a lost answer cannot be cleared up by "
                    "repeating. Switch it on in the account and try it, or say that it is off.",
                    days);
        bh_diagnose_cure(diagnosis, "bellhop probe-lock --to NUMBER");
        bh_diagnose_cure(diagnosis, "[gateway] reload_lock = off");
        return;
    case BH_LOCK_FACT_DOUBTFUL:
        bh_diagnose(diagnosis, BH_GRADE_RISK, "reload lock",
                    "Doubtful: for %lld days an answer of the gateway contradicts what was known.",
                    days);
        bh_diagnose_cure(diagnosis, "bellhop probe-lock --to NUMBER");
        return;
    case BH_LOCK_FACT_ASSUMED:
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "reload lock", "Assumed to work, never tried.");
        bh_diagnose_cure(diagnosis, "bellhop probe-lock --to NUMBER");
        return;
    }
}
