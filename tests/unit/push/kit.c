/* kit.c */
#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/json.h"
#include "wire/utf8.h"

#define PEM_MAX 4096

static char folder[64];

static void write_pem(char out[PEM_MAX], EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	assert_non_null(key);
	assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_read(bio, out, PEM_MAX - 1);
	assert_true(len > 0);
	out[len] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
}

const char *kit_p256_pem(void)
{
	static char pem[PEM_MAX];

	if (!*pem)
		write_pem(pem, EVP_EC_gen("P-256"));
	return pem;
}

const char *kit_rsa_pem(void)
{
	static char pem[PEM_MAX];

	if (!*pem)
		write_pem(pem, EVP_RSA_gen(2048));
	return pem;
}

const char *kit_write(const char *name, const char *text, unsigned mode)
{
	static char paths[16][128];
	char *path = paths[0];
	FILE *f;

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		path = paths[i];
		if (!*path || strcmp(strrchr(path, '/') + 1, name) == 0)
			break;
	}
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* A service account's key file. */
static void write_account(const char *pem)
{
	struct buf b = {0};

	buf_str(&b, "{\"type\":\"service_account\",\"project_id\":\"chat-1\","
		    "\"private_key_id\":\"k1\",\"client_email\":\"push@chat-1.example\","
		    "\"token_uri\":\"https://oauth.example/token\",\"private_key\":");
	json_put_string(&b, pem, strlen(pem));
	buf_u8(&b, '}');
	buf_u8(&b, 0);
	assert_false(b.failed);
	kit_write("fcm.json", b.data, 0600);
	buf_free(&b);
}

int kit_setup(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	strcpy(folder, "/tmp/gnatter-push-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	kit_write("p256.pem", kit_p256_pem(), 0600);
	kit_write("vapid.pem", kit_p256_pem(), 0600);
	kit_write("hook.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n", 0600);
	write_account(kit_rsa_pem());
	return 0;
}

int kit_teardown(void **state)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;

	(void)state;
	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(folder);
}

void kit_conf(struct conf *c)
{
	assert_int_equal(conf_defaults(c, folder), ERR_OK);
	snprintf(c->push_fcm_account, CONF_PATH_MAX, "%s/fcm.json", folder);
	snprintf(c->push_apns_key, CONF_PATH_MAX, "%s/p256.pem", folder);
	strcpy(c->push_apns_key_id, "ABC1234567");
	strcpy(c->push_apns_team, "TEAM123456");
	strcpy(c->push_apns_topic, "org.example.chat  org.example.beta");
	snprintf(c->push_webpush_key, CONF_PATH_MAX, "%s/vapid.pem", folder);
	strcpy(c->push_webpush_subject, "mailto:ops@example.org");
	strcpy(c->push_webhook_url, "https://gateway.example/push?x=1");
	snprintf(c->push_webhook_key, CONF_PATH_MAX, "%s/hook.key", folder);
	c->push_webhook_own = 1;
}

struct push_kinds *kit_kinds_of(const struct conf *c)
{
	char why[256];
	struct push_kinds *k;

	if (push_kinds_create(&k, c, why, sizeof(why)) != ERR_OK)
		fail_msg("%s", why);
	return k;
}

struct push_kinds *kit_kinds(void)
{
	struct conf c;

	kit_conf(&c);
	return kit_kinds_of(&c);
}

struct kit kit;

int kit_make(void **state)
{
	(void)state;
	kit.kinds = kit_kinds();
	return 0;
}

int kit_unmake(void **state)
{
	(void)state;
	push_kinds_destroy(kit.kinds);
	push_job_free(&kit.job);
	return 0;
}

struct bytes kit_text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

struct push_note kit_note(void)
{
	return (struct push_note){
		.user = kit_text("alice"),
		.device = kit_text("phone"),
		.preview = true,
		.chat = kit_text("lobby"),
		.collapse = kit_text("Zm9vYmFyMTIzNDU2Nzg5MA"),
		.from = kit_text("bob"),
		.title = kit_text("The \"Lobby\""),
		.text = kit_text("hello\nworld \xf0\x9f\x99\x82"),
		.type = kit_text("text"),
		.seq = 7,
		.n = 5,
		.ts_ms = 1795314820000,
		.count = 2,
		.unread = 3,
		.badge = 11,
		.mention = true,
		.urgent = true,
		.expires_ms = KIT_NOW + KIT_HOUR,
	};
}

struct registration kit_registration(enum push_kind_id kind, const char *data)
{
	return (struct registration){.kind = kind,
		.set_ms = KIT_NOW - KIT_HOUR,
		.preview = true,
		.data = kit_text(data)};
}

struct http_response kit_answer(int status, const char *body)
{
	return (struct http_response){.status = status,
		.body = {body, body ? strlen(body) : 0},
		.retry_after_ms = -1,
		.date_ms = -1,
		.error = status ? NULL : "could not connect"};
}

const char *kit_header(const struct http_request *r, const char *name)
{
	static char value[8192];
	const char *at = r->headers.data, *end = at + r->headers.len;
	size_t name_len = strlen(name);
	unsigned found = 0;

	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));

		assert_non_null(line);
		if ((size_t)(line - at) > name_len + 2 && memcmp(at, name, name_len) == 0 &&
			memcmp(at + name_len, ": ", 2) == 0) {
			snprintf(value, sizeof(value), "%.*s", (int)(line - at - (int)name_len - 2),
				at + name_len + 2);
			found++;
		}
		at = line + 1;
	}
	return found == 1 ? value : NULL;
}

bool kit_url_is(const struct http_request *r, const char *url)
{
	return bytes_equal((struct bytes){r->url.data, r->url.len}, url, strlen(url));
}

cJSON *kit_json(const struct buf *body)
{
	struct json_object strict;
	cJSON *json;

	if (json_parse(&strict, body->data, body->len) != ERR_OK)
		fail_msg("no JSON: %.*s", (int)body->len, body->data);
	json_finish(&strict);
	json = cJSON_ParseWithLength(body->data, body->len);
	assert_non_null(json);
	return json;
}

static const cJSON *find(const cJSON *json, const char *path)
{
	while (json && *path) {
		char name[64];
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		json = cJSON_GetObjectItemCaseSensitive(json, name);
		path += len + (path[len] == '.');
	}
	return json;
}

bool kit_has(const cJSON *json, const char *path)
{
	return find(json, path) != NULL;
}

const char *kit_string(const cJSON *json, const char *path)
{
	const cJSON *v = find(json, path);

	if (!cJSON_IsString(v))
		fail_msg("no string at %s", path);
	return v->valuestring;
}

double kit_number(const cJSON *json, const char *path)
{
	const cJSON *v = find(json, path);

	if (!cJSON_IsNumber(v))
		fail_msg("no number at %s", path);
	return v->valuedouble;
}

static EVP_PKEY *key_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

/* r and s, 32 bytes each, as DER. */
static size_t to_der(unsigned char *out, const unsigned char *flat)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	int len;

	ECDSA_SIG_set0(s, BN_bin2bn(flat, 32, NULL), BN_bin2bn(flat + 32, 32, NULL));
	len = i2d_ECDSA_SIG(s, &out);
	ECDSA_SIG_free(s);
	assert_true(len > 0);
	return (size_t)len;
}

static size_t decode(unsigned char *out, size_t size, const char *text, size_t len)
{
	size_t out_len = 0;

	assert_int_equal(sodium_base642bin(out, size, text, len, NULL, &out_len, NULL,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		0);
	return out_len;
}

cJSON *kit_jwt(const char *jwt, size_t len, const char *pem)
{
	const char *first = memchr(jwt, '.', len), *second = memrchr(jwt, '.', len);
	unsigned char signature[1024], der[128], text[4096];
	EVP_PKEY *key = key_of(pem);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const unsigned char *checked = signature;
	size_t size;
	cJSON *claims;

	assert_true(first && second > first);
	size = decode(signature, sizeof(signature), second + 1, len - (size_t)(second + 1 - jwt));
	if (EVP_PKEY_is_a(key, "EC")) {
		assert_int_equal(size, 64);
		size = to_der(der, signature);
		checked = der;
	}
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, checked, size, (const unsigned char *)jwt,
				 (size_t)(second - jwt)),
		1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	size = decode(text, sizeof(text), first + 1, (size_t)(second - first - 1));
	claims = cJSON_ParseWithLength((const char *)text, size);
	assert_non_null(claims);
	return claims;
}
