/* jwt_keys.c — reading key files. Whatever held key bytes on the way is wiped. */
#include "jwt.h"

#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "keyfile.h"

#define FILE_MAX 2048
#define KEY_MAX  1024 /* bytes of an HS256 key */

static enum err refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

/* base64 with or without padding, with line ends anywhere. */
static bool decode(unsigned char *out, size_t size, size_t *len, const char *text, size_t text_len)
{
	static const char space[] = " \t\r\n";

	return sodium_base642bin(out, size, text, text_len, space, len, NULL,
		       sodium_base64_VARIANT_ORIGINAL) == 0 ||
	       sodium_base642bin(out, size, text, text_len, space, len, NULL,
		       sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
}

enum err jwt_load_hs256(struct jwt_keys *keys, const char *path, const char **why)
{
	char text[FILE_MAX + 1];
	unsigned char key[KEY_MAX];
	size_t text_len, len;
	enum err e;

	keys->hs256_len = 0;
	*why = "";
	e = keyfile_read(text, sizeof(text), &text_len, path, S_IRWXO, why);
	if (e != ERR_OK)
		goto done;
	if (!decode(key, sizeof(key), &len, text, text_len)) {
		e = refuse(why, "the key file is not base64 of 32 to 1024 bytes");
	} else if (len < JWT_HS256_KEY_MIN) {
		e = refuse(why, "the key is shorter than 32 bytes");
	} else if (len > sizeof(keys->hs256)) { /* what HMAC does with a key beyond its block */
		crypto_hash_sha256(keys->hs256, key, len);
		keys->hs256_len = crypto_hash_sha256_BYTES;
	} else {
		memcpy(keys->hs256, key, len);
		keys->hs256_len = len;
	}

done:
	sodium_memzero(text, sizeof(text));
	sodium_memzero(key, sizeof(key));
	return e;
}

/* The base64 inside the PEM armour; the whole text if there is none. False if it is cut. */
static bool unarmour(const char **text, size_t *len)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----";
	static const char end[] = "-----END PUBLIC KEY-----";
	const char *start = strstr(*text, begin), *stop;

	if (!start)
		return !strstr(*text, "-----");
	start += sizeof(begin) - 1;
	stop = strstr(start, end);
	if (!stop)
		return false;
	*text = start;
	*len = (size_t)(stop - start);
	return true;
}

enum err jwt_load_eddsa(struct jwt_keys *keys, const char *path, const char **why)
{
	/* SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410) */
	static const unsigned char prefix[] = {
		0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	unsigned char der[sizeof(prefix) + crypto_sign_PUBLICKEYBYTES];
	char text[FILE_MAX + 1];
	const char *base64 = text;
	size_t base64_len, len;
	enum err e;

	keys->eddsa_set = false;
	*why = "";
	e = keyfile_read(text, sizeof(text), &base64_len, path, S_IWOTH, why);
	if (e != ERR_OK)
		return e;
	if (!unarmour(&base64, &base64_len) || !decode(der, sizeof(der), &len, base64, base64_len))
		return refuse(
			why, "the key file is neither base64 nor PEM of an Ed25519 public key");
	if (len == sizeof(der) && memcmp(der, prefix, sizeof(prefix)) == 0)
		memcpy(keys->eddsa, der + sizeof(prefix), sizeof(keys->eddsa));
	else if (base64 == text && len == sizeof(keys->eddsa))
		memcpy(keys->eddsa, der, sizeof(keys->eddsa));
	else
		return refuse(why, "the key file does not hold an Ed25519 public key");
	keys->eddsa_set = true;
	return ERR_OK;
}
