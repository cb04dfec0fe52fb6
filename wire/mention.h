/* mention.h — is somebody named in a text, as "@alice"?
 *
 * A name begins behind an @ that has no name character before it (an e-mail address is no mention)
 * and goes on as long as there are name characters: a-z, 0-9, '.', '_', '-', and A-Z, which count
 * as a-z. Dots and hyphens at its end are the sentence's, not the name's: "Thanks, @alice."
 * mentions alice; "@alice.b" mentions somebody else. Everything else, also any byte beyond ASCII,
 * ends it: languages that set no spaces can mention, too.
 *
 * The text is what was said, not its JSON: in "\n@alice" an 'n' would stand before the @. Of a text
 * only the first MENTION_MAX @ are looked at, so that what a hostile one costs is bounded: about
 * 40 us.
 *
 * Pure. All functions take bytes that need not end in NUL and may be anything at all.
 */
#ifndef GNATTER_WIRE_MENTION_H
#define GNATTER_WIRE_MENTION_H

#include <stdbool.h>

#include "buf.h"

#define MENTION_MAX 1000

/* Does the text mention that user? */
bool mention_of(struct bytes text, struct bytes user);

/* Does it hold @all? Means everybody in the chat if its author is an admin there, and else only a
 * user of that name. */
bool mention_of_all(struct bytes text);

#endif
