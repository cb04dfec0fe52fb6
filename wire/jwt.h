/* jwt.h — tokens: JSON Web Tokens (RFC 7519) in compact form, HS256 or EdDSA (Ed25519, RFC 8037).
 *
 * Pure but for libsodium; sodium_init() must have succeeded. Which algorithm may be used is
 * decided by which keys the caller gives, never by the token: an HS256 token is only ever checked
 * against hs256, an EdDSA token only against eddsa; "none" and everything else is refused.
 *
 * Claims: sub (user, required), exp and iat (required, NumericDate, fractions allowed), nbf
 * (optional), dev (optional: the one device it is for), role (optional: user, admin or service).
 */
#ifndef GNATTER_WIRE_JWT_H
#define GNATTER_WIRE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "name.h"

#define JWT_HS256_KEY_MIN 32
#define JWT_MAX           4096 /* bytes of a token; a longer one is refused unread */

enum role { ROLE_USER, ROLE_ADMIN, ROLE_SERVICE, ROLE_COUNT };

/* "user", "admin", "service"; and back (ROLE_COUNT if it is none). */
const char *role_name(enum role r);
enum role role_of(const char *s, size_t len);

struct jwt_keys {
	unsigned char hs256[64]; /* the instance's key, and how long it is; 0 if HS256 is off */
	size_t hs256_len;
	unsigned char eddsa[32]; /* Ed25519 public key of the operator's backend */
	bool eddsa_set;
};

struct jwt {
	char sub[NAME_USER_MAX + 1];   /* a user name, or a system name that starts with '$' */
	char dev[NAME_DEVICE_MAX + 1]; /* empty if the token is for any device */
	enum role role;
	bool role_set;
	int64_t iat_ms, exp_ms, nbf_ms; /* since 1970; nbf 0 if absent */
	bool by_instance;               /* signed with hs256 */
};

/* Does s look like a token at all: three parts of base64url, the first of which begins an object?
 * A password check is not wasted on one. */
bool jwt_looks_like(const char *s);

/* Verify signature and shape, and the times against now_ms (no leeway; iat may be up to 60 s ahead
 * of our clock). A sub that starts with '$' is only good under hs256. ERR_UNAUTHORIZED with *why
 * set to a static sentence, else ERR_OK with *out. */
enum err jwt_verify(struct jwt *out, const char *token, const struct jwt_keys *keys, int64_t now_ms,
	const char **why);

/* Mint an HS256 token. iat carries milliseconds, so that a token made right after a password change
 * is told from one made right before. out is NUL-terminated. ERR_TOO_LARGE if it does not fit. */
enum err jwt_mint(
	char *out, size_t out_size, const struct jwt *claims, const struct jwt_keys *keys);

/* Read a key file: base64 (with or without padding, newline at the end allowed) of >= 32 bytes for
 * HS256; for EdDSA base64 of the 32 bytes of the public key, or the PEM "PUBLIC KEY" of it (RFC
 * 8410). On failure *why says what is wrong. A HS256 key file that others may read is refused. */
enum err jwt_load_hs256(struct jwt_keys *keys, const char *path, const char **why);
enum err jwt_load_eddsa(struct jwt_keys *keys, const char *path, const char **why);

#endif
