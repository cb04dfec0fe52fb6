/* token.h — tokens for tests: right ones, and every kind of wrong one. Strings live until the test
 * is over. */
#ifndef GNATTER_TESTS_TOKEN_H
#define GNATTER_TESTS_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "wire/jwt.h"

/* Claims; times in seconds from now. exp 0: in an hour. */
struct token {
	const char *sub, *dev, *role;
	int64_t iat_in, exp_in, nbf_in;
};

/* By wire/jwt, as the programs mint them. */
const char *token_mint(const struct jwt_keys *keys, const struct token *t);

/* The claims as JSON text, and a token of any header and claims, signed in any way. */
const char *token_claims(const struct token *t);
const char *token_hs256(const char *header, const char *claims, const void *key, size_t key_len);
const char *token_ed25519(const char *header, const char *claims, const unsigned char secret[64]);
const char *token_unsigned(const char *header, const char *claims);

const char *token_base64(const void *data, size_t len);

#endif
