/* sign.h — signatures that providers want: RS256 and ES256 (RFC 7518) over JSON Web Tokens
 * (RFC 7515), and HMAC-SHA256 (RFC 2104).
 *
 * The only place, with webpush_crypt.c, that sees OpenSSL. libsodium must be started. One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_SIGN_H
#define GNATTER_BRIDGE_PUSH_SIGN_H

#include <stddef.h>

#include "wire/buf.h"
#include "wire/err.h"

#define SIGN_POINT_BYTES 65 /* an uncompressed point of P-256: 4, x, y */
#define SIGN_MAC_BYTES   32

enum sign_algorithm {
	SIGN_RS256, /* RSA of 2048 bits or more */
	SIGN_ES256, /* ECDSA on P-256 */
};

struct sign_key;

/* Read a private key for that algorithm from PEM (PKCS #8, or what OpenSSL wrote before it), which
 * must not be encrypted. pem needs no NUL. On failure *out is NULL: ERR_BAD_REQUEST with *why a
 * static sentence, or ERR_NOMEM. */
enum err sign_key_read(struct sign_key **out, enum sign_algorithm algorithm, const char *pem,
	size_t len, const char **why);

/* The same from a file, which others must not be able to read (wire/keyfile.h). */
enum err sign_key_load(
	struct sign_key **out, enum sign_algorithm algorithm, const char *path, const char **why);
void sign_key_destroy(struct sign_key *k);

/* The public half of a key for ES256. */
void sign_key_point(const struct sign_key *k, unsigned char out[SIGN_POINT_BYTES]);

/* Append the JWT of that header and those claims, which are JSON, without a NUL. Memory that runs
 * out shows in out->failed; ERR_INTERNAL if OpenSSL refuses. */
enum err sign_jwt(
	struct buf *out, const struct sign_key *k, struct bytes header, struct bytes claims);

/* The HMAC of text. The key may have any length. */
void sign_hmac(unsigned char mac[SIGN_MAC_BYTES], struct bytes key, struct bytes text);

/* Append data in base64url without padding. */
void sign_put_base64url(struct buf *out, const void *data, size_t len);

#endif
