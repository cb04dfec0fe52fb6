/* check.c — see check.h.
 *
 * An endpoint or URL is held to what endpoint.h says, and to https but for this machine; a Web Push
 * key to RFC 8291: p256dh an uncompressed point of P-256 (65 bytes, the first 4), auth 16 bytes,
 * both base64url. Where a URL leads is looked at when it is connected to.
 */
#include "bridge/push/check.h"

#include <sodium.h>
#include <string.h>

#include "bridge/push/endpoint.h"

#define POINT_BYTES 65
#define AUTH_BYTES  16

static enum err fail(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

/* ,"name":"value", or without the comma as the first member. */
static void put_member(struct buf *data, const char *name, struct bytes value)
{
	char last = data->len > 0 ? data->data[data->len - 1] : '{';

	if (last != '{')
		buf_str(data, ",");
	buf_str(data, "\"");
	buf_str(data, name);
	buf_str(data, "\":");
	json_put_string(data, value.data, value.len);
}

/* --- fcm --- */

/* ASCII that can be seen, without quotes and backslash: no token holds anything else. */
static bool is_token(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '"' || s.data[i] == '\\')
			return false;
	return s.len > 0;
}

static enum err check_fcm(const struct json_object *request, struct buf *data, const char **why)
{
	struct bytes token = {0};
	struct bytes fid = {0};

	if (json_string(request, "token", 1, PUSH_TOKEN_MAX, &token) != ERR_OK ||
		json_string(request, "fid", 1, PUSH_TOKEN_MAX, &fid) != ERR_OK)
		return fail(why, "\"token\" or \"fid\" must be a string of 1 to 1000 bytes");
	if ((token.len == 0) == (fid.len == 0))
		return fail(why, "either \"token\" or \"fid\" must be given");
	if (!is_token(token.len > 0 ? token : fid))
		return fail(why, "a token has visible ASCII characters only, and no quotes");
	buf_str(data, "{");
	if (token.len > 0)
		put_member(data, "token", token);
	else
		put_member(data, "fid", fid);
	buf_str(data, "}");
	return ERR_OK;
}

/* --- apns --- */

static char hex_digit(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
		return c;
	return c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : '\0';
}

/* Bytes, two digits each; written in lower case. */
static bool put_hex(char out[PUSH_HEX_MAX], struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		out[i] = hex_digit(s.data[i]);
		if (out[i] == '\0')
			return false;
	}
	return s.len > 0 && s.len % 2 == 0;
}

static bool is_topic(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static enum err check_apns(const struct json_object *request, struct buf *data, const char **why)
{
	struct bytes token = {0};
	struct bytes topic = {0};
	char hex[PUSH_HEX_MAX];
	bool sandbox = false;

	if (json_string(request, "token", 1, PUSH_HEX_MAX, &token) != ERR_OK ||
		!put_hex(hex, token))
		return fail(why, "\"token\" must be the device's token in hexadecimal digits");
	if (json_bool(request, "sandbox", &sandbox) != ERR_OK)
		return fail(why, "\"sandbox\" must be true or false");
	if (json_string(request, "topic", 1, PUSH_TOPIC_MAX, &topic) != ERR_OK || !is_topic(topic))
		return fail(why, "\"topic\" must be a bundle id");
	buf_str(data, "{");
	put_member(data, "token", (struct bytes){hex, token.len});
	if (sandbox)
		buf_str(data, ",\"sandbox\":true");
	if (topic.len > 0)
		put_member(data, "topic", topic);
	buf_str(data, "}");
	return ERR_OK;
}

/* --- webpush, webhook --- */

static bool is_url(struct bytes s)
{
	struct endpoint e;
	const char *why;

	return endpoint_parse(&e, s.data, s.len, &why) && (e.https || endpoint_is_loopback(&e));
}

/* Base64url of so many bytes, with padding or without; written without. */
static bool put_key(char *out, size_t out_size, struct bytes s, unsigned char *bytes, size_t size)
{
	size_t len;

	if (s.len > 2 && s.len % 4 == 0)
		s.len -= s.data[s.len - 1] != '=' ? 0 : s.data[s.len - 2] != '=' ? 1 : 2;
	if (sodium_base642bin(bytes, size, s.data, s.len, NULL, &len, NULL,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		len != size)
		return false;
	sodium_bin2base64(out, out_size, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return true;
}

static enum err put_keys(const struct json_object *keys, struct buf *data, const char **why)
{
	unsigned char point[POINT_BYTES];
	unsigned char secret[AUTH_BYTES];
	char p256dh_text[sodium_base64_ENCODED_LEN(
		POINT_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	char auth_text[sodium_base64_ENCODED_LEN(
		AUTH_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	struct bytes p256dh = {"", 0};
	struct bytes auth = {"", 0};

	if (json_string(keys, "p256dh", 1, 128, &p256dh) != ERR_OK ||
		!put_key(p256dh_text, sizeof(p256dh_text), p256dh, point, sizeof(point)) ||
		point[0] != 4)
		return fail(why, "\"p256dh\" must be a public key: 65 bytes in base64url");
	if (json_string(keys, "auth", 1, 64, &auth) != ERR_OK ||
		!put_key(auth_text, sizeof(auth_text), auth, secret, sizeof(secret)))
		return fail(why, "\"auth\" must be 16 bytes in base64url");
	buf_str(data, ",\"keys\":{");
	put_member(data, "p256dh", (struct bytes){p256dh_text, strlen(p256dh_text)});
	put_member(data, "auth", (struct bytes){auth_text, strlen(auth_text)});
	buf_str(data, "}}");
	return ERR_OK;
}

static enum err check_webpush(const struct json_object *request, struct buf *data, const char **why)
{
	const struct json_member *m = json_get(request, "keys");
	struct bytes endpoint = {0};
	struct json_object keys;
	enum err err;

	if (json_string(request, "endpoint", 1, PUSH_URL_MAX, &endpoint) != ERR_OK ||
		!is_url(endpoint))
		return fail(why, "\"endpoint\" must be an https URL of at most 1000 bytes");
	err = m ? json_parse(&keys, m->raw.data, m->raw.len) : ERR_BAD_JSON;
	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK)
		return fail(why, "\"keys\" must be an object with \"p256dh\" and \"auth\"");
	buf_str(data, "{");
	put_member(data, "endpoint", endpoint);
	err = put_keys(&keys, data, why);
	json_finish(&keys);
	return err;
}

static enum err check_webhook(const struct json_object *request, struct buf *data, const char **why)
{
	struct bytes url = {0};
	struct bytes secret = {0};

	if (json_string(request, "url", 1, PUSH_URL_MAX, &url) != ERR_OK ||
		(url.len > 0 && !is_url(url)))
		return fail(why, "\"url\" must be an https URL of at most 1000 bytes");
	if (json_string(request, "secret", PUSH_SECRET_MIN, PUSH_SECRET_MAX, &secret) != ERR_OK ||
		(secret.len > 0 && !is_token(secret)))
		return fail(why, "\"secret\" must be 16 to 256 visible ASCII characters");
	if (secret.len > 0 && url.len == 0)
		return fail(why, "a \"secret\" goes with a \"url\"");
	buf_str(data, "{");
	if (url.len > 0)
		put_member(data, "url", url);
	if (secret.len > 0)
		put_member(data, "secret", secret);
	buf_str(data, "}");
	return ERR_OK;
}

/* --- all of them --- */

static enum err check_mqtt(const struct json_object *request, struct buf *data, const char **why)
{
	(void)request;
	(void)why;
	buf_str(data, "{}");
	return ERR_OK;
}

static const struct {
	const char *name;
	bool names_device;
	enum err (*check)(const struct json_object *request, struct buf *data, const char **why);
} kinds[PUSH_KIND_COUNT] = {
	[PUSH_FCM] = {"fcm", true, check_fcm},
	[PUSH_APNS] = {"apns", true, check_apns},
	[PUSH_WEBPUSH] = {"webpush", true, check_webpush},
	[PUSH_WEBHOOK] = {"webhook", false, check_webhook},
	[PUSH_MQTT] = {"mqtt", false, check_mqtt},
};

const char *push_kind_name(unsigned kind)
{
	return kind < PUSH_KIND_COUNT ? kinds[kind].name : NULL;
}

enum push_kind_id push_kind_of(struct bytes name)
{
	for (unsigned i = PUSH_FCM; i < PUSH_KIND_COUNT; i++)
		if (bytes_equal(name, kinds[i].name, strlen(kinds[i].name)))
			return (enum push_kind_id)i;
	return (enum push_kind_id)0;
}

bool push_kind_names_device(enum push_kind_id kind)
{
	return kind < PUSH_KIND_COUNT && kinds[kind].names_device;
}

enum err push_check(enum push_kind_id kind, const struct json_object *request, struct buf *data,
	const char **why)
{
	if (!push_kind_name(kind))
		return fail(why, "\"kind\" must be one that push.get names");
	return kinds[kind].check(request, data, why);
}
