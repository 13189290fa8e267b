/* A whole producer but for the LPUSH: make a job, say what it costs, print it. */
#include <bellhop/job.h>
#include <bellhop/sms.h>
#include <stdio.h>
#include <string.h>

int
main(void)
{
    struct bh_job_draft draft = {.to = "0049171999999999", .text = "Your glasses have arrived."};
    struct bh_sms_size size;
    struct bh_error error;
    char *json;
    if (!bh_sms_measure(draft.text, strlen(draft.text), NULL, &size, &error) ||
        bh_job_make(&draft, NULL, &json, &error) != BH_JOB_VALID)
        return fprintf(stderr, "%s\n", error.text), 1;
    printf("%zu part: %s\n", size.parts, json);
    bh_job_json_free(json);
    return 0;
}
