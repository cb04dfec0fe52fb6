/* url.h — the URLs that requests may go to, taken apart by the parser that will connect.
 *
 * Two parsers that read one URL differently are how a guard is walked around, so libcurl's is asked
 * here, although registrations have passed bridge/push/endpoint.h, which lets pass less; and what
 * it made of the URL is what it is given to connect to. It is asked for little:
 * https://host[:port]/path?query in the printable bytes of RFC 3986, without user information,
 * fragment or zone, and a host that is a name or an address. An IPv4 address in another form
 * (decimal, octal, hexadecimal, with fewer dots) becomes the usual one.
 */
#ifndef GNATTER_BRIDGE_PUSH_URL_H
#define GNATTER_BRIDGE_PUSH_URL_H

#include "bridge/push/guard.h"
#include "wire/buf.h"
#include "wire/err.h"

#define URL_MAX 2048 /* bytes */

struct url {
	struct buf text;    /* normalised, NUL-terminated */
	struct buf origin;  /* RFC 6454, section 6.2; NUL-terminated */
	bool plain;         /* http, not https */
	bool literal;       /* the host is an address, and net says of which kind */
	bool local;         /* localhost, a name below it, or an address of the loopback */
	enum guard_net net; /* if literal */
};

/* Take text (NUL-terminated) apart. out is {0} or was used before, which is overwritten.
 * ERR_BAD_REQUEST with a static sentence in *why; ERR_NOMEM. */
enum err url_parse(struct url *out, const char *text, const char **why);

void url_free(struct url *u);

#endif
