/* jwt.c
 *
 * A token is three runs of base64url: header.payload.signature. The signature is checked over the
 * first two as they stand, before a byte of the payload is understood. The header only chooses
 * between keys that the caller gave, each bound to its algorithm: an HS256 "signature" is never
 * compared with anything made from a public key.
 *
 * base64url is taken in its one canonical form (no padding, unused bits zero), so a token has
 * one spelling.
 */
#include "jwt.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "json.h"

#define BASE64URL    sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define PART_MAX     (JWT_MAX / 4 * 3)
#define AHEAD_MAX_MS 60000                  /* iat beyond our clock */
#define SECONDS_MAX  INT64_C(4000000000000) /* so far a double tells milliseconds apart */
#define SUB_MAX      NAME_USER_MAX

/* {"alg":"HS256","typ":"JWT"} */
static const char mint_header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_USER] = "user", [ROLE_ADMIN] = "admin", [ROLE_SERVICE] = "service"};

const char *role_name(enum role r)
{
	return (unsigned)r < ROLE_COUNT ? role_names[r] : "";
}

enum role role_of(const char *s, size_t len)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		if (bytes_equal((struct bytes){s, len}, role_names[r], strlen(role_names[r])))
			return (enum role)r;
	}
	return ROLE_COUNT;
}

/* A user, or '$' and what a device name may hold. */
static bool sub_ok(const char *s, size_t len)
{
	if (len < 2 || s[0] != '$')
		return name_user_ok(s, len);
	if (len > SUB_MAX)
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!name_device_ok(s + i, 1))
			return false;
	}
	return true;
}

/* The three parts of a token, still in base64url. */
struct parts {
	struct bytes header, payload, signature;
	struct bytes signed_text; /* header.payload */
};

/* The bytes at s that base64url knows. */
static struct bytes run_at(const char *s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	return (struct bytes){s, strspn(s, alphabet)};
}

static bool split(struct parts *p, const char *token)
{
	const char *end;

	p->header = run_at(token);
	end = token + p->header.len;
	if (p->header.len == 0 || *end != '.')
		return false;
	p->payload = run_at(end + 1);
	end += 1 + p->payload.len;
	if (p->payload.len == 0 || *end != '.')
		return false;
	p->signed_text = (struct bytes){token, (size_t)(end - token)};
	p->signature = run_at(end + 1);
	end += 1 + p->signature.len;
	return *end == '\0';
}

bool jwt_looks_like(const char *s)
{
	struct parts p;

	/* '{' in base64url is an 'e' and one of w to z, 0 to 9, '-', '_'; JSON goes on with '"' or
	 * space, which leaves two. So a password with two dots in it is rarely taken for a token.
	 */
	return s[0] == 'e' && (s[1] == 'y' || s[1] == 'w') && split(&p, s);
}

static bool decode(unsigned char *out, size_t out_size, size_t *out_len, struct bytes in)
{
	return sodium_base642bin(out, out_size, in.data, in.len, NULL, out_len, NULL, BASE64URL) ==
	       0;
}

static enum err refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_UNAUTHORIZED;
}

static void hs256(unsigned char mac[crypto_auth_hmacsha256_BYTES], struct bytes text,
	const struct jwt_keys *keys)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, keys->hs256, keys->hs256_len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.data, text.len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

static bool hs256_ok(const struct parts *p, const struct jwt_keys *keys)
{
	unsigned char got[crypto_auth_hmacsha256_BYTES], want[crypto_auth_hmacsha256_BYTES];
	size_t len;

	if (!decode(got, sizeof(got), &len, p->signature) || len != sizeof(got))
		return false;
	hs256(want, p->signed_text, keys);
	return sodium_memcmp(got, want, sizeof(want)) == 0;
}

static bool eddsa_ok(const struct parts *p, const struct jwt_keys *keys)
{
	unsigned char got[crypto_sign_BYTES];
	size_t len;

	return decode(got, sizeof(got), &len, p->signature) && len == sizeof(got) &&
	       crypto_sign_verify_detached(got, (const unsigned char *)p->signed_text.data,
		       p->signed_text.len, keys->eddsa) == 0;
}

/* Check the signature with the key that the header's algorithm is bound to. */
static enum err check_signature(struct jwt *out, const struct parts *p, const struct json_object *h,
	const struct jwt_keys *keys, const char **why)
{
	struct bytes alg = {0};

	if (json_get(h, "crit"))
		return refuse(why, "the token asks for an extension that is not known here");
	if (json_string(h, "alg", 1, 16, &alg) != ERR_OK || alg.len == 0)
		return refuse(why, "the token names no algorithm");
	if (bytes_equal(alg, "HS256", 5)) {
		if (keys->hs256_len < JWT_HS256_KEY_MIN)
			return refuse(why, "HS256 tokens are not accepted here");
		out->by_instance = true;
		return hs256_ok(p, keys) ? ERR_OK : refuse(why, "the token's signature is wrong");
	}
	if (bytes_equal(alg, "EdDSA", 5)) {
		if (!keys->eddsa_set)
			return refuse(why, "EdDSA tokens are not accepted here");
		return eddsa_ok(p, keys) ? ERR_OK : refuse(why, "the token's signature is wrong");
	}
	return refuse(why, "the token's algorithm is neither HS256 nor EdDSA");
}

/* A NumericDate as milliseconds; false if it is there and no such thing. */
static bool read_date(const struct json_object *o, const char *name, int64_t *out_ms)
{
	const struct json_member *m = json_get(o, name);
	double v;

	if (!m)
		return true;
	if (!json_number(m, &v) || !(v > 0 && v < (double)SECONDS_MAX))
		return false;
	*out_ms = (int64_t)(v * 1000 + 0.5);
	return true;
}

static enum err read_claims(struct jwt *out, const struct json_object *o, const char **why)
{
	struct bytes sub = {0}, dev = {0}, role = {0};

	if (json_string(o, "sub", 1, SUB_MAX, &sub) != ERR_OK || !sub_ok(sub.data, sub.len))
		return refuse(why, "the token's sub is no user name");
	if (sub.data[0] == '$' && !out->by_instance)
		return refuse(why, "only the instance itself signs tokens for system names");
	if (json_string(o, "dev", 1, NAME_DEVICE_MAX, &dev) != ERR_OK ||
		(dev.len && !name_device_ok(dev.data, dev.len)))
		return refuse(why, "the token's dev is no device name");
	if (json_string(o, "role", 1, 16, &role) != ERR_OK)
		return refuse(why, "the token's role is not known");
	out->role_set = role.len > 0;
	out->role = role.len ? role_of(role.data, role.len) : ROLE_USER;
	if (out->role == ROLE_COUNT)
		return refuse(why, "the token's role is not known");
	if (!read_date(o, "iat", &out->iat_ms) || !read_date(o, "exp", &out->exp_ms) ||
		!read_date(o, "nbf", &out->nbf_ms))
		return refuse(why, "a time in the token is no number of seconds since 1970");
	if (out->iat_ms == 0 || out->exp_ms == 0)
		return refuse(why, "the token lacks iat or exp");
	memcpy(out->sub, sub.data, sub.len);
	if (dev.len)
		memcpy(out->dev, dev.data, dev.len);
	return ERR_OK;
}

static enum err check_times(const struct jwt *t, int64_t now_ms, const char **why)
{
	if (t->exp_ms <= now_ms)
		return refuse(why, "the token has expired");
	if (t->nbf_ms > now_ms)
		return refuse(why, "the token is not valid yet");
	if (t->iat_ms > now_ms && t->iat_ms - now_ms > AHEAD_MAX_MS)
		return refuse(why, "the token was issued in the future");
	return ERR_OK;
}

/* Decode a part and parse it as a JSON object, whose text lies in text. */
static enum err open_part(
	struct json_object *o, unsigned char text[PART_MAX], struct bytes part, const char **why)
{
	size_t len;

	if (!decode(text, PART_MAX, &len, part))
		return refuse(why, "the token is not base64url");
	if (json_parse(o, (const char *)text, len) != ERR_OK)
		return refuse(why, "the token does not hold JSON objects");
	return ERR_OK;
}

static enum err verify(struct jwt *out, const char *token, const struct jwt_keys *keys,
	int64_t now_ms, const char **why)
{
	unsigned char text[PART_MAX];
	struct json_object o;
	struct parts p;
	enum err e;

	if (strnlen(token, JWT_MAX + 1) > JWT_MAX)
		return refuse(why, "the token is too long");
	if (!split(&p, token) || p.signature.len == 0)
		return refuse(why, "the token does not have three parts");
	e = open_part(&o, text, p.header, why);
	if (e != ERR_OK)
		return e;
	e = check_signature(out, &p, &o, keys, why);
	json_finish(&o);
	if (e != ERR_OK)
		return e;
	e = open_part(&o, text, p.payload, why);
	if (e != ERR_OK)
		return e;
	e = read_claims(out, &o, why);
	json_finish(&o);
	return e == ERR_OK ? check_times(out, now_ms, why) : e;
}

enum err jwt_verify(struct jwt *out, const char *token, const struct jwt_keys *keys, int64_t now_ms,
	const char **why)
{
	enum err e;

	*out = (struct jwt){0};
	*why = "";
	e = verify(out, token, keys, now_ms, why);
	if (e != ERR_OK)
		*out = (struct jwt){0};
	return e;
}

/* ,"name":seconds with milliseconds if there are any or they are always wanted */
static void put_date(struct buf *b, const char *name, int64_t ms, bool always)
{
	buf_printf(b, ",\"%s\":%lld", name, (long long)(ms / 1000));
	if (always || ms % 1000)
		buf_printf(b, ".%03d", (int)(ms % 1000));
}

/* The payload. Names need no escapes: they were checked. */
static void put_claims(struct buf *b, const struct jwt *t)
{
	buf_printf(b, "{\"sub\":\"%s\"", t->sub);
	if (t->dev[0])
		buf_printf(b, ",\"dev\":\"%s\"", t->dev);
	if (t->role_set)
		buf_printf(b, ",\"role\":\"%s\"", role_name(t->role));
	put_date(b, "iat", t->iat_ms, true);
	put_date(b, "exp", t->exp_ms, false);
	if (t->nbf_ms)
		put_date(b, "nbf", t->nbf_ms, false);
	buf_u8(b, '}');
}

static bool date_ok(int64_t ms)
{
	return ms > 0 && ms < SECONDS_MAX * 1000;
}

static bool claims_ok(const struct jwt *t)
{
	return sub_ok(t->sub, strnlen(t->sub, sizeof(t->sub))) &&
	       (t->dev[0] == '\0' || name_device_ok(t->dev, strnlen(t->dev, sizeof(t->dev)))) &&
	       (unsigned)t->role < ROLE_COUNT && date_ok(t->iat_ms) && date_ok(t->exp_ms) &&
	       (t->nbf_ms == 0 || date_ok(t->nbf_ms));
}

enum err jwt_mint(char *out, size_t out_size, const struct jwt *claims, const struct jwt_keys *keys)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	const size_t header = sizeof(mint_header) - 1;
	const size_t signature = sodium_base64_ENCODED_LEN(sizeof(mac), BASE64URL) - 1;
	struct buf b = {0};
	size_t payload;
	enum err e = ERR_TOO_LARGE;

	if (out_size)
		out[0] = '\0';
	if (!claims_ok(claims) || keys->hs256_len < JWT_HS256_KEY_MIN)
		return ERR_BAD_REQUEST;
	put_claims(&b, claims);
	if (b.failed) {
		e = ERR_NOMEM;
		goto done;
	}
	payload = sodium_base64_encoded_len(b.len, BASE64URL) - 1;
	if (out_size < header + 1 + payload + 1 + signature + 1)
		goto done;
	memcpy(out, mint_header, header);
	out[header] = '.';
	sodium_bin2base64(out + header + 1, payload + 1, (unsigned char *)b.data, b.len, BASE64URL);
	hs256(mac, (struct bytes){out, header + 1 + payload}, keys);
	out[header + 1 + payload] = '.';
	sodium_bin2base64(
		out + header + 1 + payload + 1, signature + 1, mac, sizeof(mac), BASE64URL);
	e = ERR_OK;

done:
	buf_free(&b);
	return e;
}
