/* jwt.c — fuzz tokens and key files. The first byte chooses what the rest is:
 *
 *   a token as it comes; a header, NUL and payload that are signed here, so that claims are
 * reached; an HS256 key file; an EdDSA key file.
 *
 * What verifies has a sound sub, dev and role, and is minted again to the same claims.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "wire/buf.h"
#include "wire/jwt.h"

#define NOW 1732240000500

static const struct jwt_keys keys = {.hs256 = "0123456789abcdef0123456789abcdef",
	.hs256_len = 32,
	.eddsa = "x",
	.eddsa_set = true};

static void check_token(const char *token)
{
	char again[JWT_MAX + 1];
	struct jwt t, back;
	const char *why = NULL;
	enum err e = jwt_verify(&t, token, &keys, NOW, &why);

	must(why != NULL);
	jwt_looks_like(token);
	if (e != ERR_OK) {
		must(e == ERR_UNAUTHORIZED && *why);
		return;
	}
	must(t.sub[0] == '$' || name_user_ok(t.sub, strlen(t.sub)));
	must(t.dev[0] == '\0' || name_device_ok(t.dev, strlen(t.dev)));
	must((unsigned)t.role < ROLE_COUNT && t.by_instance);
	must(jwt_mint(again, sizeof(again), &t, &keys) == ERR_OK);
	must(jwt_verify(&back, again, &keys, NOW, &why) == ERR_OK);
	must(strcmp(back.sub, t.sub) == 0 && strcmp(back.dev, t.dev) == 0);
	must(back.role == t.role && back.role_set == t.role_set && back.by_instance);
	must(back.iat_ms == t.iat_ms && back.exp_ms == t.exp_ms && back.nbf_ms == t.nbf_ms);
}

static void put_base64(struct buf *b, const void *data, size_t len)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t size = sodium_base64_encoded_len(len, variant);
	char *at = buf_reserve(b, size);

	must(at != NULL);
	sodium_bin2base64(at, size, data, len, variant);
	b->len += size - 1;
}

static void check_claims(const char *text, size_t size)
{
	const char *nul = memchr(text, 0, size);
	size_t header = nul ? (size_t)(nul - text) : 0;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	struct buf b = {0};

	if (!nul)
		return;
	put_base64(&b, text, header);
	buf_u8(&b, '.');
	put_base64(&b, nul + 1, size - header - 1);
	crypto_auth_hmacsha256_init(&state, keys.hs256, keys.hs256_len);
	crypto_auth_hmacsha256_update(&state, (unsigned char *)b.data, b.len);
	crypto_auth_hmacsha256_final(&state, mac);
	buf_u8(&b, '.');
	put_base64(&b, mac, sizeof(mac));
	buf_u8(&b, '\0');
	must(!b.failed);
	check_token(b.data);
	buf_free(&b);
}

static void check_key(const char *text, size_t size, bool hs256)
{
	int fd = memfd_create("key", MFD_CLOEXEC);
	struct jwt_keys k = {0};
	const char *why;
	char path[64];
	enum err e;

	must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = hs256 ? jwt_load_hs256(&k, path, &why) : jwt_load_eddsa(&k, path, &why);
	must((e == ERR_OK) == (*why == '\0'));
	must((e == ERR_OK) == (hs256 ? k.hs256_len >= JWT_HS256_KEY_MIN : k.eddsa_set));
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	char *token;

	must(sodium_init() >= 0);
	if (size-- == 0)
		return 0;
	switch (*data % 4) {
	case 0:
		token = strndup(text, size);
		must(token != NULL);
		check_token(token);
		free(token);
		break;
	case 1:
		check_claims(text, size);
		break;
	default:
		check_key(text, size, *data % 4 == 2);
	}
	return 0;
}
