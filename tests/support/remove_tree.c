#include "support/remove_tree.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
remove_tree(const char *path, int depth)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char inner[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0 && depth > 0)
            remove_tree(inner, depth - 1);
    }
    closedir(dir);
    rmdir(path);
}

void
bh_remove_tree(const char *path)
{
    remove_tree(path, 2);
}
