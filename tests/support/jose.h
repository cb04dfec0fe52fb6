/* jose.h — verify a signed JSON Web Token (RFC 7515, 7519) as strictly as a provider does, with
 * OpenSSL and nothing of ours.
 *
 * Any thread; a key may be used by one at a time.
 */
#ifndef GNATTER_TESTS_JOSE_H
#define GNATTER_TESTS_JOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/buf.h"

struct cJSON;
struct jose_key;

/* The public half of a private key in PEM, RSA (RS256) or P-256 (ES256). NULL if it is none. */
struct jose_key *jose_key_pem(const char *pem);
void jose_key_free(struct jose_key *k);

/* Of P-256: the point, uncompressed. */
void jose_key_point(const struct jose_key *k, unsigned char out[65]);

struct jose {
	struct cJSON *header, *claims;
};

/* Three parts in base64url without padding, an alg that is the key's, a signature that fits. False
 * with a static sentence in *why, and then there is nothing to free. */
bool jose_open(struct jose *out, struct bytes token, const struct jose_key *key, const char **why);
void jose_free(struct jose *j);

/* Decode base64url without padding. The length, or -1 if it is none or more than max. */
long jose_decode(void *out, size_t max, struct bytes text);

#endif
