#include "cli/who.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_SHOWN 40

/* Whoever used sudo says more than the user that it made of him.  Only what looks like a user's name. */
static const char *
before_sudo(void)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-@$";
    const char *name = getenv("SUDO_USER");
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_SHOWN ||
        name[strspn(name, allowed)] != '\0')
        return NULL;
    return name;
}

void
bh_who(char ret_who[BH_WHO_MAX])
{
    const struct passwd *user = getpwuid(getuid());
    const char *before = before_sudo();
    char host[48] = "", name[NAME_MAX_SHOWN + 1];
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    host[sizeof(host) - 1] = '\0';
    if (user != NULL)
        snprintf(name, sizeof(name), "%s", user->pw_name);
    else
        snprintf(name, sizeof(name), "user %lu", (unsigned long)getuid());
    if (before != NULL && strcmp(before, name) != 0)
        snprintf(ret_who, BH_WHO_MAX, "%s as %s@%s", before, name, host);
    else
        snprintf(ret_who, BH_WHO_MAX, "%s@%s", name, host);
}
