/*
 * gsm0338 - the alphabet of plain SMS: 3GPP TS 23.038 sections 6.2.1 and 6.2.1.1, default tables.
 *
 * Answers membership and width; nothing here needs the septets themselves, since the gateway
 * encodes.  Look-alikes are not mapped to members: whoever wants "c" for "ç" changes the text
 * himself.
 */
#ifndef BH_CORE_GSM0338_H
#define BH_CORE_GSM0338_H

#include <stdint.h>

/*
 * Septets that a character takes: 1 in the basic table, 2 (escape and character) in the extension
 * table, 0 when it is in neither.  The escape itself (U+001B) is no character and gives 0.
 */
unsigned bh_gsm0338_septets(uint32_t code);

#endif
