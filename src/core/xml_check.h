/*
 * xml_check - is a voice job's text well-formed XML?
 *
 * Expat answers, the only file that includes it is xml_check.c.  A checker of our own would be smaller, but
 * well-formedness is more than matching tags (names, attributes given twice, references, "]]>" in text,
 * "--" in comments), and a rule forgotten is a call that the gateway answers with silence.  libxml2
 * answers too, with ten times the code open to strangers' bytes.
 *
 * Expat runs without everything that has made XML parsers dangerous: a document type declaration is
 * refused where it starts, so there are no entities but the five predefined ones and nothing is
 * loaded or expanded; the text is taken as UTF-8, whatever it declares; depth and size are bounded.
 */
#ifndef BH_CORE_XML_CHECK_H
#define BH_CORE_XML_CHECK_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

/* Elements inside each other. */
#define BH_XML_DEPTH_MAX 64

/* A voice text has at most 10,000 characters of at most 4 bytes. */
#define BH_XML_BYTES_MAX 40000

/* BH_EINVAL with a sentence about `text`, its line and column; BH_ENOMEM. */
enum bh_status bh_xml_check(struct bh_str text, struct bh_error *error) BH_MUST_CHECK;

#endif
