#include "cli/who.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

void
bh_who(char ret_who[BH_WHO_MAX])
{
    const struct passwd *user = getpwuid(getuid());
    char host[64] = "";
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    if (user != NULL)
        snprintf(ret_who, BH_WHO_MAX, "%.60s@%s", user->pw_name, host);
    else
        snprintf(ret_who, BH_WHO_MAX, "user %lu@%s", (unsigned long)getuid(), host);
}
