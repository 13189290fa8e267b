#include <bellhop/version.h>

const char *
bh_version(void)
{
    return BELLHOP_VERSION;
}
