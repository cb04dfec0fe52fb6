/* push_answer.c — fuzz what providers answer.
 *
 *   byte 0     the kind, and (from 0x80 up) that it answers the request for a token
 *   bytes 1, 2 the status, little-endian, modulo 700
 *   byte 3     flags: 1 the guard refused it, 2 a Retry-After of a minute
 *   the rest   the body
 *
 * Every answer has a verdict and a reason in printable ASCII, which tells no secret though the body
 * may; a 2xx is delivered; nothing that names no device of ours ends a registration by its status
 * but those that are told in the kinds. The same answer again means the same, but for renewed
 * tokens.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/push/kind.h"
#include "fuzz.h"
#include "wire/json.h"

#define NOW    INT64_C(1795314821079)
#define SECRET "s3cr3t9token7"

static const char *const registrations[PUSH_KIND_COUNT] = {
	[PUSH_FCM] = "{\"token\":\"" SECRET "\"}",
	[PUSH_APNS] = "{\"token\":\"00ff00ff\"}",
	[PUSH_WEBPUSH] = "{\"endpoint\":\"https://h/" SECRET "\",\"keys\":{\"p256dh\":"
			 "\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-"
			 "AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\",\"auth\":\"BTBZMqHH6r4Tts7J_"
			 "aSIgg\"}}",
	[PUSH_WEBHOOK] = "{\"url\":\"https://h/" SECRET "\"}",
	[PUSH_MQTT] = "{}",
};

/* A file of that text that nobody else can open; its path into out. */
static void put_file(char out[CONF_PATH_MAX], const char *text, size_t len)
{
	int fd = memfd_create("key", MFD_CLOEXEC);

	must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(out, CONF_PATH_MAX, "/proc/self/fd/%d", fd);
}

static size_t make_pem(char *out, size_t size, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	must(key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_read(bio, out, (int)size - 1);
	must(len > 0);
	out[len] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
	return (size_t)len;
}

static void put_account(char out[CONF_PATH_MAX], const char *pem)
{
	struct buf b = {0};

	buf_str(&b, "{\"type\":\"service_account\",\"project_id\":\"p\",\"private_key_id\":\"k\","
		    "\"client_email\":\"e\",\"token_uri\":\"https://o/t\",\"private_key\":");
	json_put_string(&b, pem, strlen(pem));
	buf_u8(&b, '}');
	must(!b.failed);
	put_file(out, b.data, b.len);
	buf_free(&b);
}

/* An operator's set-up, with keys that are made once. */
static const struct conf *set_up(void)
{
	static struct conf c;
	char pem[4096];
	size_t len;

	if (*c.push_fcm_account)
		return &c;
	must(sodium_init() >= 0 && conf_defaults(&c, "/i") == ERR_OK);
	len = make_pem(pem, sizeof(pem), EVP_EC_gen("P-256"));
	put_file(c.push_apns_key, pem, len);
	put_file(c.push_webpush_key, pem, len);
	strcpy(c.push_apns_key_id, "ABC1234567");
	strcpy(c.push_apns_team, "TEAM123456");
	strcpy(c.push_apns_topic, "a");
	strcpy(c.push_webpush_subject, "mailto:a@b");
	c.push_webhook_own = 1;
	make_pem(pem, sizeof(pem), EVP_RSA_gen(2048));
	put_account(c.push_fcm_account, pem);
	return &c;
}

static struct push_kinds *make_kinds(void)
{
	struct push_kinds *k;
	char why[256];

	must(push_kinds_create(&k, set_up(), why, sizeof(why)) == ERR_OK);
	return k;
}

static void check_result(const struct push_result *result, const struct http_response *r)
{
	must((unsigned)result->verdict < PUSH_VERDICTS);
	must(*push_verdict_name(result->verdict) != '\0');
	must(result->reason[0] && memchr(result->reason, 0, sizeof(result->reason)));
	must(!strstr(result->reason, SECRET) && !strstr(result->reason, "00ff00ff"));
	for (const char *c = result->reason; *c; c++)
		must(*c >= 0x20 && *c < 0x7f);
	must(result->retry_after_ms >= -1 && result->retry_after_ms <= 86400000);
	must(!result->renew || result->verdict == PUSH_RETRY);
	must(result->verdict != PUSH_UNREGISTER || (r->status >= 400 && r->status < 500));
	must(result->verdict != PUSH_UNREGISTER || !result->endpoint_fault);
}

static enum push_step prepare(struct push_kinds *k, enum push_kind_id kind, struct push_job *job,
	struct push_result *result)
{
	static const struct push_note note = {.user = {"u", 1},
		.device = {"d", 1},
		.collapse = {"c", 1},
		.expires_ms = INT64_MAX};
	const struct registration r = {
		.kind = kind, .data = {registrations[kind], strlen(registrations[kind])}};

	return push_prepare(k, &note, &r, NOW, job, result);
}

/* Asks for a token of FCM, and answers so. */
static void check_token(struct push_kinds *k, const struct http_response *r)
{
	struct http_request request = {0};
	struct push_result result = {0};
	struct push_job job = {0};
	enum push_step step = prepare(k, PUSH_FCM, &job, &result);

	must(step == PUSH_TOKEN);
	must(push_token_request(k, PUSH_FCM, NOW, &request) == ERR_OK);
	push_token_response(k, PUSH_FCM, r, NOW, &result);
	check_result(&result, r);
	must(result.verdict == PUSH_DELIVERED || result.verdict == PUSH_RETRY ||
		result.verdict == PUSH_ALERT);
	step = prepare(k, PUSH_FCM, &job, &result);
	must(step == PUSH_SEND || step == PUSH_END);
	for (size_t i = 0; step == PUSH_SEND && i < job.http.headers.len; i++)
		must((job.http.headers.data[i] >= 0x20 && job.http.headers.data[i] < 0x7f) ||
			job.http.headers.data[i] == '\n');
	http_request_free(&request);
	push_job_free(&job);
}

static void check_answer(
	struct push_kinds *k, enum push_kind_id kind, const struct http_response *r)
{
	const struct push_attempt a = {.kind = kind, .set_ms = NOW, .token = 1, .stranger = true};
	struct push_result result = {0}, again = {0};

	push_classify(k, &a, r, NOW, &result);
	check_result(&result, r);
	must((r->status >= 200 && r->status <= 299) == (result.verdict == PUSH_DELIVERED));
	push_classify(k, &a, r, NOW, &again);
	check_result(&again, r);
	must(again.verdict == result.verdict || r->status == 401 || r->status == 403);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct push_kinds *k;
	struct http_response r = {.retry_after_ms = -1, .date_ms = -1};

	if (size < 4)
		return 0;
	if (!k || data[0] >= 0x80) { /* a token that was got would stay */
		push_kinds_destroy(k);
		k = make_kinds();
	}
	r.status = (data[1] | data[2] << 8) % 700;
	r.error = r.status ? NULL : "no route";
	r.refused = r.status == 0 && data[3] & 1;
	r.retry_after_ms = data[3] & 2 ? 60000 : -1;
	r.body = (struct bytes){(const char *)data + 4, size - 4};
	if (data[0] >= 0x80)
		check_token(k, &r);
	else
		check_answer(k, (enum push_kind_id)(PUSH_FCM + data[0] % PUSH_MQTT), &r);
	return 0;
}
