#include "core/xml_check.h"

#include <expat.h>

#include "core/alloc.h"
#include "core/fault.h"

/* What the handlers know. */
struct check {
    XML_Parser parser;
    unsigned depth;
    const char *refused; /* a rule of ours that was broken; NULL: none */
};

static void
refuse(struct check *check, const char *rule)
{
    check->refused = rule;
    (void)XML_StopParser(check->parser, XML_FALSE); /* fails only when it is stopped already */
}

static void XMLCALL
element_on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    (void)name;
    (void)attributes;
    struct check *check = user;
    if (++check->depth > BH_XML_DEPTH_MAX)
        refuse(check, "elements are nested deeper than 64 levels");
}

static void XMLCALL
element_on_end(void *user, const XML_Char *name)
{
    (void)name;
    struct check *check = user;
    check->depth--;
}

static void XMLCALL
doctype_on_start(void *user, const XML_Char *name, const XML_Char *system_id,
                 const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    refuse(user, "a document type declaration is not allowed");
}

static enum bh_status
report(const struct check *check, struct bh_error *error)
{
    enum XML_Error code = XML_GetErrorCode(check->parser);
    if (code == XML_ERROR_NO_MEMORY)
        return BH_ENOMEM;
    return bh_error_set(error, "text",
                        "field `text` is not well-formed XML: %s in line %lu, column %lu",
                        check->refused != NULL ? check->refused : XML_ErrorString(code),
                        (unsigned long)XML_GetCurrentLineNumber(check->parser),
                        (unsigned long)XML_GetCurrentColumnNumber(check->parser) + 1);
}

enum bh_status
bh_xml_check(struct bh_str text, struct bh_error *error)
{
    static const XML_Memory_Handling_Suite memory = {bh_alloc, bh_realloc, bh_free};
    if (text.len > BH_XML_BYTES_MAX)
        return bh_error_set(error, "text", "field `text` has %zu bytes; XML has at most %d",
                            text.len, BH_XML_BYTES_MAX);

    struct check check = {.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL)};
    if (check.parser == NULL)
        return BH_ENOMEM;
    /*
     * A fixed salt instead of the system's randomness, which core does without.  Colliding names cost at most
     * a few thousand steps within the bound on size.
     */
    (void)XML_SetHashSalt(check.parser, 0x62656c6cUL);
    XML_SetUserData(check.parser, &check);
    XML_SetElementHandler(check.parser, element_on_start, element_on_end);
    XML_SetStartDoctypeDeclHandler(check.parser, doctype_on_start);

    enum bh_status status = BH_OK;
    if (XML_Parse(check.parser, text.ptr, (int)text.len, XML_TRUE) != XML_STATUS_OK)
        status = report(&check, error);
    XML_ParserFree(check.parser);
    return status;
}
