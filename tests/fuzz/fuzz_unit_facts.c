/* What the service manager prints about a unit: any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/diagnose_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bh_unit_facts facts;
    bh_unit_facts_read(&facts, (struct bh_str){(const char *)bytes, size});
    if (memchr(facts.user, '\0', sizeof(facts.user)) == NULL ||
        memchr(facts.state_directory, '\0', sizeof(facts.state_directory)) == NULL)
        abort();
    if (facts.descriptors < -1 || (facts.loaded && !facts.asked))
        abort();

    struct bh_diagnosis *diagnosis = calloc(1, sizeof(*diagnosis));
    if (diagnosis == NULL)
        return 0;
    bh_diagnose_unit(diagnosis, "bellhopd.service", &facts, 1024, 1024);
    /* Too few descriptors are never overlooked. */
    if (facts.loaded && facts.descriptors >= 0 && facts.descriptors < 1024 &&
        diagnosis->counts[BH_GRADE_BAD] == 0)
        abort();
    if (diagnosis->count == 0)
        abort();
    free(diagnosis);
    return 0;
}
