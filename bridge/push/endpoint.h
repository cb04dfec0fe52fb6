/* endpoint.h — the URLs that registrations and options name: taken apart, strictly.
 *
 * What another parser might read in another way is refused: user names, backslashes, spaces,
 * control characters, anything beyond ASCII, a fragment, addresses in unusual forms. What is let
 * pass is read in the same way by libcurl, through bridge/push/url.h, when it is connected to
 * (tests/unit/push/parsers_test.c). Where the name leads is not judged here; that is the guard's,
 * at the address that is connected to.
 *
 * Pure.
 */
#ifndef GNATTER_BRIDGE_PUSH_ENDPOINT_H
#define GNATTER_BRIDGE_PUSH_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/buf.h"

#define ENDPOINT_MAX 1000 /* bytes of a URL (UnifiedPush) */

struct endpoint {
	bool https;        /* else http */
	struct bytes host; /* lent; an IPv6 address with its brackets */
	unsigned port;
	struct bytes path; /* lent; with the query; may be empty */
};

/* Take the URL apart. False with *why, a static sentence, if it is none. */
bool endpoint_parse(struct endpoint *out, const char *url, size_t len, const char **why);

/* Is the host this machine by its name: localhost, 127.x.x.x or [::1]? */
bool endpoint_is_loopback(const struct endpoint *e);

/* Append the origin as RFC 6454, 6.2 writes it: "https://host", with ":port" if it is not the
 * scheme's own; the host in lower case. */
void endpoint_origin(struct buf *out, const struct endpoint *e);

#endif
